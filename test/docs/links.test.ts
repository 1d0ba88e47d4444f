import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

function anchorsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8').replaceAll(/^```[^]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

test('every link of the README and the guides leads to a file and a heading that there are', () => {
  const guides = readdirSync('docs').filter((name) => name.endsWith('.md'));
  const pages = ['README.md', 'SECURITY.md', ...guides.map((name) => join('docs', name))];
  const broken = pages.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
      .filter(([, path = '', anchor]) => {
        const file = path === '' ? page : join(dirname(page), path);
        return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
      })
      .map(([link]) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test('every guide is linked from the README or from a guide that is', () => {
  const guides = readdirSync('docs').filter((name) => name.endsWith('.md'));
  const readme = readFileSync('README.md', 'utf8');
  const all = readme + guides.map((name) => readFileSync(join('docs', name), 'utf8')).join('\n');
  const lost = guides.filter((name) => !readme.includes(`(docs/${name}`) && !all.includes(`(${name}`));
  assert.deepEqual(lost, []);
});

test('every test that a page names as its proof is there', () => {
  const guides = readdirSync('docs').map((name) => join('docs', name));
  const named = ['README.md', 'SECURITY.md', ...guides]
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/\btest\/[\w/-]+(?:\.[\w-]+)?\.(?:ts|sh)\b/g)].map(([file]) => file),
    );
  assert.ok(named.length > 30);
  assert.deepEqual(
    named.filter((file) => !existsSync(file)),
    [],
  );
});

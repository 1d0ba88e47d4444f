import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stepsOf } from '../support/guide.ts';

test('every command of the README and the guides is run by a test, or says beside it why not', () => {
  const followed = new Set(
    readdirSync('test/docs').flatMap((name) =>
      [...readFileSync(`test/docs/${name}`, 'utf8').matchAll(/\.follow\('([^']+)'\)/g)].map(([, page = '']) => page),
    ),
  );
  const pages = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter((page) =>
    page.endsWith('.md'),
  );
  assert.deepEqual(
    pages.filter((page) => !followed.has(page)).flatMap((page) => stepsOf(page).map(({ place }) => place)),
    [],
  );
});

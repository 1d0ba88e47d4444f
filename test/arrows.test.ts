// The rooms of src: what stands in them, and how they depend on each other: in one direction, so that each can be read, and
// changed, without those above it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

/** An import, and the part of src that it leads to: a folder, or a file beside the folders; a package where there is none. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly file: string;
}

/** The files that stand in a folder itself. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** How many files a folder may hold before it is two folders. The simulator is the exception: a file for each part of MAAS's API. */
const mostFiles = (folder: string): number => (folder === 'src/simulator' ? 23 : 15);

/** All imports of one part of src by another, and of packages. */
const arrows: readonly Arrow[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) =>
    [...readFileSync(join('src', file), 'utf8').matchAll(/\b(?:from |import |import\()'([^']+)'/g)].map(
      ([, name = '']) => ({
        from: partOf(file),
        to: name.startsWith('.') ? partOf(join(file, '..', name)) : name,
        file,
      }),
    ),
  )
  .filter(({ from, to }) => from !== to);

function partOf(file: string): string {
  return file.split('/', 1)[0] ?? file;
}

/** The parts that a part leads to, over others too, each with the way there. */
function reached(
  part: string,
  way: readonly string[] = [part],
  found = new Map<string, string>(),
): Map<string, string> {
  for (const { from, to, file } of arrows) {
    if (from !== way.at(-1) || found.has(to)) continue;
    found.set(to, [...way, to].join(' > ') + ` (${file})`);
    reached(part, [...way, to], found);
  }
  return found;
}

test('at the top of src stands what starts a proxy and what all rooms share, and nothing else', () => {
  assert.deepEqual(filesIn('src').toSorted(), [
    'app.ts',
    'cli.ts',
    'exchange.ts',
    'problem.ts',
    'proxy.ts',
    'version.ts',
  ]);
});

test('no folder of src is so full that one has to search in it', () => {
  const folders = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
  assert.ok(folders.length > 20);
  assert.deepEqual(
    folders.filter((folder) => filesIn(folder).length > mostFiles(folder)),
    [],
  );
});

test('no part of src leads back to itself', () => {
  const parts = [...new Set(arrows.map(({ from }) => from))];
  assert.ok(parts.includes('upstream') && parts.includes('app.ts') && arrows.length > 300);
  assert.deepEqual(
    parts.flatMap((part) => reached(part).get(part) ?? []),
    [],
  );
});

test('what MAAS is, and the simulator, know nothing of the rest, nor of any package', () => {
  const foreign = arrows.filter(({ from, to }) => (from === 'maas' || from === 'simulator') && !to.startsWith('node:'));
  assert.deepEqual(foreign, []);
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { emptyDirectory } from '../support/cli.ts';

interface Lock {
  readonly packages: Readonly<Record<string, { hasInstallScript?: boolean; resolved?: string }>>;
}

const lock = JSON.parse(readFileSync(resolve('package-lock.json'), 'utf8')) as Lock;

test('no dependency runs a script when it is installed', () => {
  const found = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  assert.ok(Object.keys(lock.packages).length > 50);
  assert.deepEqual(found, []);
});

test('the lock file names no registry', () => {
  assert.deepEqual(
    Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined),
    [],
  );
});

test('there is one undici, the one that reply-from uses', () => {
  assert.deepEqual(
    Object.keys(lock.packages).filter((path) => path.endsWith('/undici')),
    ['node_modules/undici'],
  );
});

test('what npm packs runs by its bin, and holds no source, test or setting', (t) => {
  const directory = emptyDirectory(t);
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  assert.ok(paths.includes('dist/src/cli.js'));
  for (const path of paths) assert.doesNotMatch(path, /^(?:src|test|bench|dist\/test|node_modules|\.env$)|\.map$/);
  execFileSync('tar', ['-xzf', join(directory, filename), '-C', directory]);
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
  const cli = join(directory, 'package', 'dist', 'src', 'cli.js');
  assert.match(execFileSync(process.execPath, [cli, '--version'], { encoding: 'utf8' }), /^\d+\.\d+\.\d+\n$/);
});

test('the package can be imported: createProxy, the error of its options, and the simulator; nothing else', async () => {
  const [library, simulator] = await Promise.all([import('maas-auth-proxy'), import('maas-auth-proxy/simulator')]);
  assert.deepEqual(Object.keys(library).toSorted(), ['ConfigurationError', 'createProxy']);
  assert.equal(typeof simulator.startSimulator, 'function');
  const manifest = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as { readonly exports: object };
  assert.deepEqual(Object.keys(manifest.exports), ['.', './simulator', './package.json']);
});

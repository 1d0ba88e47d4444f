// What somebody reads whose Node is too old: a sentence, before anything is loaded that such a Node cannot read.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyDirectory, runCli } from '../support/cli.ts';

const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
const needed = engines.node.replace('>=', '');

/** Has Node say that it is another version. */
function pretend(version: string): Record<string, string> {
  const script = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}

for (const version of ['12.22.12', '18.20.8', '20.9.0', '20.18.0']) {
  test(`with Node ${version}: which version is needed, in one sentence, whatever was asked for`, async (t) => {
    for (const args of [[], ['--version'], ['check'], ['nonsense', '--x']]) {
      const { code, stdout, stderr } = await runCli(t, args, pretend(version));
      assert.deepEqual([code, stdout], [2, '']);
      assert.equal(
        stderr,
        `maas-auth-proxy needs Node.js ${needed} or newer, and this is ${version}: install a newer one (https://nodejs.org), or call another "node".\n`,
      );
    }
  });
}

for (const version of [needed, '20.19.0', '22.0.0', '30.1.0', '26.0.0-nightly20260101']) {
  test(`with Node ${version} it runs`, async (t) => {
    const { code, stdout } = await runCli(t, ['--version'], pretend(version));
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });
}

test('what looks at the version loads nothing before, and is written so that an old Node can read it', () => {
  const source = readFileSync('src/cli.ts', 'utf8');
  assert.doesNotMatch(source, /^\s*(?:import|export)\s+[^(]/m);
  assert.doesNotMatch(source, /^(?:const \w+ = )?await /m);
});

test('an installation of which a part is missing says so in a sentence', (t) => {
  const directory = emptyDirectory(t);
  mkdirSync(join(directory, 'dist'));
  cpSync('dist/src', join(directory, 'dist/src'), { recursive: true });
  cpSync('package.json', join(directory, 'package.json'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(directory, 'dist/src/cli.js'), 'check'], {
    encoding: 'utf8',
  });
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^maas-auth-proxy is not installed whole: .*"npm ci && npm run build"\.\n$/);
});

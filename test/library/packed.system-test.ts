// The library as a stranger gets it: the packed tarball in a folder that has nothing else but the package's dependencies.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { emptyDirectory } from '../support/cli.ts';

const guide = readFileSync(resolve('docs/library.md'), 'utf8');
const [example = '', mistaken = ''] = blocks('js');
const [printed = ''] = blocks('text');

/** The blocks of one language in the guide. */
function blocks(language: string): string[] {
  return [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code);
}

let tarball: string;

before((t) => {
  const directory = emptyDirectory(t as TestContext);
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as [{ filename: string }];
  tarball = join(directory, filename);
});

/** A folder in which the tarball is installed as npm would, without asking a registry for what lies in node_modules here. */
function installed(t: TestContext): string {
  const folder = emptyDirectory(t);
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  execFileSync('tar', ['-xzf', tarball, '-C', modules]);
  renameSync(join(modules, 'package'), join(modules, 'maas-auth-proxy'));
  const manifest = JSON.parse(readFileSync(join(modules, 'maas-auth-proxy', 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(resolve('node_modules', name), join(modules, name));
  }
  return folder;
}

function run(folder: string, command: string, ...args: readonly string[]): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  return { code: status, output: stdout + stderr };
}

function compile(
  folder: string,
  types: readonly string[],
  ...files: readonly string[]
): { code: number | null; output: string } {
  const compiler = resolve('node_modules/typescript/bin/tsc');
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022'];
  const modules = ['--module', 'nodenext', '--types', types.join(',')];
  return run(folder, process.execPath, compiler, ...options, ...modules, ...files);
}

test("the guide's example runs as it stands: the request is signed, and the process ends by itself", (t) => {
  const folder = installed(t);
  writeFileSync(join(folder, 'example.mjs'), example);
  const { code, output } = run(folder, process.execPath, 'example.mjs');
  assert.equal(code, 0, output);
  assert.match(output, /^200 \{.*"username": ?"admin"/s);
});

test("the guide's wrong options lead to the sentences that it shows", (t) => {
  const folder = installed(t);
  writeFileSync(join(folder, 'mistaken.mjs'), mistaken);
  assert.deepEqual(run(folder, process.execPath, 'mistaken.mjs'), { code: 0, output: printed });
});

test('with redisUrl but without ioredis, the sentence names the options and says what to install', (t) => {
  const folder = installed(t);
  const code = `import { createProxy } from 'maas-auth-proxy';
createProxy({ maasUrl: 'http://127.0.0.1:9', apiKey: 'a:b:c', redisUrl: 'redis://127.0.0.1:6379', port: 0 })
  .listen()
  .catch((error) => console.log(error.name, error.message));`;
  writeFileSync(join(folder, 'redis.mjs'), code);
  const { output } = run(folder, process.execPath, 'redis.mjs');
  assert.match(output, /^ConfigurationError A Redis is set \(redisUrl or redisUrlFile\), but .+ npm install ioredis@6/);
});

test("TypeScript accepts the guide's examples", (t) => {
  const folder = installed(t);
  writeFileSync(join(folder, 'example.mts'), example);
  writeFileSync(join(folder, 'mistaken.mts'), mistaken);
  assert.deepEqual(compile(folder, ['node'], 'example.mts', 'mistaken.mts'), { code: 0, output: '' });
});

test("TypeScript knows the options' types, without the types of Node or of any dependency", (t) => {
  const folder = installed(t);
  const lines = [
    "import { createProxy, type Proxy, type ProxyOptions } from 'maas-auth-proxy';",
    "const options: ProxyOptions = { maasUrl: ['http://a:5240', 'http://b:5240'], apiKey: 'a:b:c', page: false };",
    "export const proxy: Proxy = createProxy({ ...options, port: 0, adminPort: 'off', maxMemory: '256M', log: 'info' });",
    'export const url: Promise<string> = proxy.listen();',
    '// @ts-expect-error a number',
    "createProxy({ port: '8240' });",
    '// @ts-expect-error misspelt',
    "createProxy({ polcy: 'read-only' });",
    '// @ts-expect-error no such level',
    "createProxy({ log: 'loud' });",
    '// @ts-expect-error not exported',
    "import { buildApp } from 'maas-auth-proxy';",
    '// @ts-expect-error no way in but the two',
    "import 'maas-auth-proxy/dist/src/app.js';",
  ];
  writeFileSync(join(folder, 'types.mts'), `${lines.join('\n')}\nexport { buildApp };\n`);
  assert.deepEqual(compile(folder, [], 'types.mts'), { code: 0, output: '' });
});

test('a pino logger is what the option `log` takes', (t) => {
  const folder = installed(t);
  const lines = [
    "import { pino } from 'pino';",
    "import { fastify } from 'fastify';",
    "import { createProxy } from 'maas-auth-proxy';",
    'createProxy({ log: pino() });',
    'createProxy({ log: fastify({ logger: true }).log });',
  ];
  writeFileSync(join(folder, 'log.mts'), lines.join('\n'));
  const { code, output } = compile(folder, ['node'], '--skipLibCheck', 'log.mts');
  assert.equal(code, 0, output);
});

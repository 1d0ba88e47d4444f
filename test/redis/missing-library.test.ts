// ioredis is an optional peer dependency: what the program says where a Redis is set and ioredis is not installed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory } from '../support/cli.ts';

/** The program as it stands where everything is installed but ioredis. */
function installWithoutRedis(t: TestContext): string {
  const directory = emptyDirectory(t);
  cpSync(fileURLToPath(new URL('../../src', import.meta.url)), join(directory, 'dist', 'src'), { recursive: true });
  cpSync('package.json', join(directory, 'package.json'));
  for (const name of namesIn('node_modules')) {
    if (name === 'ioredis') continue;
    const link = join(directory, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(resolve('node_modules', name), link);
  }
  return join(directory, 'dist', 'src', 'cli.js');
}

function namesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.startsWith('.'));
}

async function run(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const child = spawn(process.execPath, [installWithoutRedis(t), ...args], {
    cwd: emptyDirectory(t),
    env: { PATH: process.env['PATH'] ?? '', MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  const isListening = (): boolean => stdout.includes('"listening on ');
  child.stdout.on('data', (text: Buffer) => {
    const listened = isListening();
    stdout += text.toString();
    // Without a Redis it starts, and is to stop again.
    if (!listened && isListening()) child.kill('SIGTERM');
  });
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

const quiet = ['--port', '0', '--admin-port', 'off', '--log-format', 'json'];
const redis = { REDIS_URL: 'redis://:canary-password@127.0.0.1:1' };

test('where a Redis is set and ioredis is missing, the start fails with a sentence that says what to install', async (t) => {
  const { code, stdout, stderr } = await run(t, quiet, redis);
  assert.equal(code, 2);
  assert.match(stderr, /^A Redis is set \(REDIS_URL[^\n]*\), but the package ioredis is not installed\.[^\n]*\n$/);
  assert.match(stderr, /npm install ioredis@6/);
  assert.doesNotMatch(stdout, /listening/);
});

test('a proxy without a Redis starts where ioredis is missing', async (t) => {
  const { code, stdout, stderr } = await run(t, quiet, {});
  assert.equal(stderr, '');
  assert.match(stdout, /"listening on /);
  assert.equal(code, 0, stdout);
});

test('`check` says that ioredis is missing, and what to install', async (t) => {
  const { code, stdout } = await run(t, ['check', '--port', '0', '--json'], redis);
  assert.equal(code, 1);
  assert.match(stdout, /the package ioredis is not installed/);
  assert.match(stdout, /npm install ioredis@6/);
  assert.doesNotMatch(stdout, /canary-password/);
});

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from '../src/simulator/simulator.ts';
import { emptyDirectory, runCli, startCli } from './support/cli.ts';
import { canaryKey } from './support/proxy.ts';

const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey, PORT: '0', ADMIN_PORT: 'off' };

for (const host of ['0.0.0.0', '::', '192.0.2.1', 'maas.example']) {
  test(`listening on ${host} needs a word from the operator: exit code 2 and a sentence`, async (t) => {
    const { code, stderr } = await runCli(t, ['--host', host], env);
    assert.equal(code, 2);
    assert.match(stderr, /--clients-file/);
    assert.match(stderr, /ALLOW_UNAUTHENTICATED=true/);
  });
}

test('with ALLOW_UNAUTHENTICATED=true it listens beyond loopback', async (t) => {
  const running = startCli(t, ['--host', '0.0.0.0'], { ...env, ALLOW_UNAUTHENTICATED: 'true' });
  await running.printed(/listening on http:\/\/0\.0\.0\.0:\d+/);
});

test('by default it listens on loopback alone', async (t) => {
  const running = startCli(t, [], env);
  await running.printed(/listening on http:\/\/127\.0\.0\.1:\d+/);
});

function getBySocket(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/users/', headers: { Host: 'localhost' }, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    })
      .on('error', reject)
      .end();
  });
}

test('a unix socket is for its owner alone, works, and is gone after a clean stop', async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const path = join(emptyDirectory(t), 'maas.sock');
  const running = startCli(t, ['--socket', path], { ...env, MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey });
  await running.printed(/listening on unix:/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await getBySocket(path), 200);
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
  assert.equal(existsSync(path), false);
});

test('a socket file that a killed proxy left is replaced, a live one is refused', async (t) => {
  const path = join(emptyDirectory(t), 'maas.sock');
  const killed = startCli(t, ['--socket', path], env);
  await killed.printed(/listening on unix:/);
  killed.child.kill('SIGKILL');
  await killed.ended;
  assert.equal(existsSync(path), true);
  const next = startCli(t, ['--socket', path], env);
  await next.printed(/listening on unix:/);
  const third = await runCli(t, ['--socket', path], env);
  assert.equal(third.code, 1);
  assert.match(third.stderr, /Another program listens on/);
});

test('a file that is no socket is left alone', async (t) => {
  const path = join(emptyDirectory(t), 'notes');
  writeFileSync(path, 'mine');
  const { code, stderr } = await runCli(t, ['--socket', path], env);
  assert.equal(code, 1);
  assert.match(stderr, /is no socket/);
  assert.equal(readFileSync(path, 'utf8'), 'mine');
});

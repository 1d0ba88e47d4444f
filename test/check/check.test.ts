import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkClearText } from '../../src/check/network.ts';
import { parseMaasAddress } from '../../src/maas/maas-address.ts';
import { check, emptyDirectory, maas, run, someKey } from '../check-runs.ts';

const stepNames = ['key format', 'address', 'DNS', 'TCP', 'TLS', 'HTTP', 'MAAS', 'version', 'clock', 'API key'];

test('a MAAS that is well gets a tick for each step, and exit code 0', async (t) => {
  const { url, adminKey } = await maas(t);
  const { code, stdout, stderr } = await run(t, ['check'], { MAAS_URL: url, MAAS_API_KEY: adminKey });
  assert.equal(stderr, '');
  assert.equal(code, 0);
  for (const line of [
    /^✓ key format   18, 18 and 32 characters, demo…, from MAAS_API_KEY$/m,
    /^✓ address      http:\/\/127\.0\.0\.1:\d+\/MAAS\/api\/2\.0\/$/m,
    /^- DNS          not needed, 127\.0\.0\.1 is an IP address$/m,
    /^✓ TCP          127\.0\.0\.1 port \d+ in \d+ ms$/m,
    /^- TLS          not used, the address is http$/m,
    /^✓ version      3\.7\.3$/m,
    /^✓ clock        the same as here$/m,
    /^✓ API key      MAAS takes it$/m,
    /^✓ identity     admin, administrator$/m,
    /^✓ clear text   http, but it does not leave this machine$/m,
  ]) {
    assert.match(stdout, line);
  }
  assert.ok(!stdout.includes('\u001b'), 'no colours where it is no terminal');
  assert.ok(!stdout.includes(adminKey.split(':')[2] as string), 'the secret is not shown');
});

test('--json is one document with every step', async (t) => {
  const { url, userKey } = await maas(t);
  const { code, ok, steps, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: userKey });
  assert.equal(code, 0);
  assert.equal(ok, true);
  assert.deepEqual(
    steps.map(({ step: name }) => name),
    [...stepNames, 'identity', 'clear text', 'port'],
  );
  for (const one of steps) assert.deepEqual(Object.keys(one), ['step', 'status', 'detail']);
  assert.deepEqual(step('identity'), { step: 'identity', status: 'ok', detail: 'bob, user' });
});

test('a name is looked up', async (t) => {
  const { port, adminKey } = await maas(t);
  const { code, step } = await check(t, { MAAS_URL: `http://localhost:${port}`, MAAS_API_KEY: adminKey });
  assert.equal(code, 0);
  assert.match(step('DNS').detail, /^localhost is .*127\.0\.0\.1/);
});

test('without address and key, both steps say how to set them, and nothing else is tried', async (t) => {
  const { code, ok, steps, step } = await check(t, {});
  assert.equal(code, 1);
  assert.equal(ok, false);
  assert.match(step('key format').detail, /^No API key is set: set MAAS_API_KEY/);
  assert.match(step('address').detail, /^MAAS's address is not set: set MAAS_URL/);
  for (const { status, detail } of steps.slice(2, -1)) {
    assert.deepEqual({ status, detail }, { status: 'skipped', detail: 'not tried, because of address' });
  }
});

test('with a key of two parts, the steps that need no key are still tried', async (t) => {
  const { url } = await maas(t);
  const { code, stdout, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: 'firstpart:hush-hush' });
  assert.equal(code, 1);
  assert.match(step('key format').detail, /^MAAS_API_KEY has 2 parts instead of three/);
  assert.equal(step('version').status, 'ok');
  assert.equal(step('API key').detail, 'not tried, because of key format');
  assert.ok(!stdout.includes('hush'), 'the text of the key is not repeated');
});

test('a key of unusual length is a warning', async (t) => {
  const admin = 'short:token:secret';
  const { url } = await maas(t, { keys: { admin } });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: admin });
  assert.equal(code, 0);
  assert.equal(step('key format').status, 'warning');
  assert.match(step('key format').detail, /^5, 5 and 6 characters, sh…/);
  assert.match(step('key format').remedy ?? '', /18, 18 and 32/);
});

test('a key file that others may read is a warning', async (t) => {
  const { url, adminKey } = await maas(t);
  const file = join(emptyDirectory(t), 'key');
  writeFileSync(file, `${adminKey}\n`);
  chmodSync(file, 0o644);
  const { code, step } = await check(t, { MAAS_URL: url }, '--api-key-file', file);
  assert.equal(code, 0);
  assert.equal(step('key format').status, 'warning');
  assert.equal(step('key format').detail, `18, 18 and 32 characters, demo…, from --api-key-file ${file}`);
  assert.match(step('key format').remedy ?? '', /Every user of this machine may read/);
});

test('a .env that others may read is a warning, and is named as the source', async (t) => {
  const { url, adminKey } = await maas(t);
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, '.env'), `MAAS_URL=${url}\nMAAS_API_KEY=${adminKey}\n`, { mode: 0o644 });
  const { code, step } = await check(t, { directory });
  assert.equal(code, 0);
  assert.match(step('key format').detail, /from MAAS_API_KEY in \.env$/);
  assert.match(step('key format').remedy ?? '', /in \.env; chmod 600/);
});

test('a setting that cannot be read, or a flag that nobody knows, is exit code 2', async (t) => {
  for (const flags of [['--port', 'x'], ['--jsno']]) {
    const { code, stdout, stderr } = await run(t, ['check', ...flags], {});
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^--(?:port must be a port number|jsno is not a flag)/);
  }
});

test("MAAS's usual ports under the wrong scheme get a hint", async (t) => {
  for (const [MAAS_URL, hint] of [
    ['http://127.0.0.1:5443', /write https:\/\//],
    ['https://127.0.0.1:5240', /plain http/],
  ] as const) {
    const { step } = await check(t, { MAAS_URL, MAAS_API_KEY: someKey });
    assert.equal(step('address').status, 'warning');
    assert.match(step('address').remedy ?? '', hint);
  }
});

const statusOf = (url: string, ...addresses: string[]): string =>
  checkClearText({ maas: parseMaasAddress(url), addresses }).status;

test('the key in clear text over a network is a warning, on loopback or with https it is none', () => {
  assert.equal(statusOf('http://maas.example:5240', '192.0.2.1'), 'warning');
  assert.equal(statusOf('http://maas.example:5240', '127.0.0.1', '2001:db8::1'), 'warning');
  assert.equal(statusOf('http://localhost:5240', '127.0.0.1', '::1'), 'ok');
  assert.equal(statusOf('http://[::ffff:127.0.0.1]:5240', '::ffff:127.0.0.1'), 'ok');
  assert.equal(statusOf('https://maas.example:5443', '192.0.2.1'), 'ok');
});

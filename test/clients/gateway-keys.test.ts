// The life of a gateway's keys, with the program as a process of its own and the commands beside it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { emptyDirectory, runCli, startCli, type Running } from '../support/cli.ts';
import { basic, give, oauth, startGateway, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

/** A running gateway with an empty clients file, and the command that changes the file. */
async function start(t: TestContext): Promise<{
  running: Running;
  file: string;
  statusOf(authorization: string): Promise<number>;
  keys(...args: string[]): Promise<string>;
}> {
  const origin = await startOrigin(t);
  const directory = join(emptyDirectory(t), 'etc');
  mkdirSync(directory);
  const file = writeClients(t, [], join(directory, 'clients.json'));
  const env = { MAAS_URL: origin.url, MAAS_API_KEY: canaryKey, CLIENTS_FILE: file };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  const [, url] = await running.printed(/"url":"(http:[^"]+)"/);
  return {
    running,
    file,
    statusOf: async (authorization) =>
      (await send(`${url}/users/`, { headers: { Authorization: authorization } })).status,
    async keys(...args) {
      const { code, stdout, stderr } = await runCli(t, ['keys', ...args], { CLIENTS_FILE: file });
      assert.equal(code, 0, stderr);
      return stdout.trim();
    },
  };
}

/** Asks until the answer has this status. @returns how long that took, ms */
async function untilStatus(status: number, ask: () => Promise<number>): Promise<number> {
  const started = performance.now();
  let last = 0;
  while ((last = await ask()) !== status) {
    assert.ok(performance.now() - started < 10_000, `still ${last}`);
    await wait(20);
  }
  return performance.now() - started;
}

test('a key works soon after keys add, and no longer soon after keys revoke', async (t) => {
  const { running, statusOf, keys } = await start(t);
  const key = await keys('add', 'alice');
  const added = await untilStatus(200, () => statusOf(`Bearer ${key}`));
  await keys('revoke', 'alice');
  const revoked = await untilStatus(401, () => statusOf(`Bearer ${key}`));
  assert.equal(await statusOf(oauth(key)), 401);
  assert.equal(await statusOf(basic(`alice:${key}`)), 401);
  // Some 300 ms; a busy machine takes its time, and a test is no place to measure.
  t.diagnostic(`${Math.round(added)} ms and ${Math.round(revoked)} ms`);
  assert.equal(running.child.exitCode, null);
});

test('a key that expires is out at that moment, whatever happens to the file', async (t) => {
  const origin = await startOrigin(t);
  const end = Date.now() + 2_000;
  const soon = give('soon', { expires: new Date(end).toISOString() });
  const gateway = await startGateway(t, origin.url, [soon]);
  const statusOf = async (authorization: string): Promise<number> =>
    (await send(`${gateway.url}/users/`, { headers: { Authorization: authorization } })).status;
  const first = await statusOf(`Bearer ${soon.key}`);
  // A machine that took two seconds for that has seen the end already.
  assert.equal(first, Date.now() < end ? 200 : first);
  await wait(Math.max(0, end - Date.now()) + 1);
  assert.equal(await statusOf(`Bearer ${soon.key}`), 401);
  assert.equal(await statusOf(oauth(soon.key)), 401);
});

test('keys list tells when each key was last used, once the gateway has written that down', async (t) => {
  const { running, file, statusOf, keys } = await start(t);
  const used = await keys('add', 'used');
  await keys('add', 'unused');
  await untilStatus(200, () => statusOf(oauth(used)));
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
  const list = await keys('list');
  assert.match(list, /^used .* \d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z$/m);
  assert.match(list, /^unused .* unknown$/m);
  assert.ok(!readFileSync(`${file}.used`, 'utf8').includes(used.slice(-32)));
  // Of a key that is no more nothing is kept, and a broken note is as good as none.
  writeFileSync(`${file}.used`, '{"broken');
  assert.match(await keys('list'), /^used .* unknown$/m);
});

test('two gateways that share a clients file do not forget what the other has seen', async (t) => {
  const origin = await startOrigin(t);
  const [alice, bob] = [give('alice'), give('bob')];
  const file = writeClients(t, [alice, bob]);
  for (const { key } of [alice, bob]) {
    const running = startCli(t, ['--port', '0', '--admin-port', '0'], {
      MAAS_URL: origin.url,
      MAAS_API_KEY: canaryKey,
      CLIENTS_FILE: file,
    });
    const [, url] = await running.printed(/"url":"(http:[^"]+)"/);
    assert.equal((await send(`${url}/users/`, { headers: { Authorization: `Bearer ${key}` } })).status, 200);
    running.child.kill('SIGTERM');
    await running.ended;
  }
  const noted = JSON.parse(readFileSync(`${file}.used`, 'utf8')) as Record<string, string>;
  assert.deepEqual(Object.keys(noted).toSorted(), [alice.client.consumer, bob.client.consumer].toSorted());
});

test('where the note of last uses cannot be written, the log says so once, and nothing else comes of it', async (t) => {
  const { running, file, statusOf, keys } = await start(t);
  const key = await keys('add', 'alice');
  await untilStatus(200, () => statusOf(`Bearer ${key}`));
  // A directory in its place: that stops root too.
  rmSync(`${file}.used`, { force: true });
  mkdirSync(`${file}.used`);
  running.child.kill('SIGTERM');
  const { code, stdout } = await running.ended;
  assert.equal(code, 0);
  assert.equal(stdout.split('"keys list\\" will not show it').length, 2, stdout);
  assert.match(await keys('list'), /^alice .* unknown$/m);
  assert.deepEqual(
    readdirSync(join(file, '..')).filter((name) => name.endsWith('.new')),
    [],
  );
});

test('a gateway does not start with a clients file that is missing or broken, and says in a sentence why', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'clients.json');
  const serve = (): ReturnType<typeof runCli> =>
    runCli(t, ['--port', '0', '--admin-port', '0'], {
      MAAS_URL: 'http://127.0.0.1:1',
      MAAS_API_KEY: canaryKey,
      CLIENTS_FILE: file,
    });
  for (const [text, sentence] of [
    [undefined, /clients\.json does not exist/],
    ['', /clients\.json is empty; "keys add NAME" puts the first key into it\.$/],
    ['{"clients": {}}', /must be an object with a list of "clients"\.$/],
    [
      JSON.stringify([{ ...give('a').client, expire: '1d' }]),
      /a mistake in line 1, in client 1 \(a\): it has no member "expire", but "expires"\.$/,
    ],
    [JSON.stringify([{ ...give('a').client, maasKeyFile: 'gone' }]), /gone, which does not exist; .* MAAS key of a\.$/],
  ] as const) {
    if (text !== undefined) writeFileSync(file, text);
    const { code, stderr } = await serve();
    assert.equal(code, 2);
    assert.match(stderr.trimEnd(), sentence);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  }
  assert.equal(existsSync(`${file}.used`), false);
});

test('a client without a policy of its own has the gateway’s; one with its own has that alone', async (t) => {
  const origin = await startOrigin(t);
  const [plain, writer] = [give('plain'), give('writer', { policy: ['POST zones/'] })];
  const gateway = await startGateway(t, origin.url, [plain, writer], { flags: ['--policy', 'read-only'] });
  const ask = async (key: string, method: string): Promise<number> =>
    (await send(`${gateway.url}/zones/`, { method, headers: { Authorization: `Bearer ${key}` } })).status;
  assert.equal(await ask(plain.key, 'GET'), 200);
  assert.equal(await ask(plain.key, 'POST'), 403);
  assert.equal(await ask(writer.key, 'GET'), 403);
  assert.equal(await ask(writer.key, 'POST'), 200);
});

for (const [what, policy, name] of [
  ['preset', 'read-only', 'read-only'],
  ['rules', ['GET zones/'], "writer's rules"],
] as const) {
  test(`what a refusal advises a client that has ${what} of its own is true`, async (t) => {
    const origin = await startOrigin(t);
    const writer = give('writer', { policy });
    const allowed = give('allowed', { policy: [policy, 'allow POST zones'].flat() });
    const gateway = await startGateway(t, origin.url, [writer, allowed]);
    const ask = (key: string): ReturnType<typeof send> =>
      send(`${gateway.url}/zones/`, { method: 'POST', headers: { Authorization: `Bearer ${key}` } });
    const refusal = await ask(writer.key);
    assert.equal(refusal.status, 403);
    assert.equal(
      refusal.json()['detail'],
      `The policy "${name}" refuses POST zones: no rule of it allows that. To allow it, let this client's "policy" in the ` +
        'clients file be a list of rules that ends with "allow POST zones".',
    );
    assert.equal((await ask(allowed.key)).status, 200);
  });
}

test('who tries keys is answered late from the eleventh time on; who has one is not held up by that', async (t) => {
  const origin = await startOrigin(t);
  const alice = give('alice');
  const gateway = await startGateway(t, origin.url, [alice]);
  const ask = (key: string): ReturnType<typeof send> =>
    send(`${gateway.url}/users/`, { headers: { Authorization: `Bearer ${key}` } });
  for (let count = 0; count < 10; count += 1) assert.equal((await ask('a:b:c')).status, 401);
  const started = performance.now();
  let isHeldBack = true;
  const late = ask('a:b:c').then(({ status }) => {
    isHeldBack = false;
    return status;
  });
  assert.equal((await ask(alice.key)).status, 200);
  assert.ok(isHeldBack || performance.now() - started > 1_000);
  assert.equal(await late, 401);
  assert.ok(performance.now() - started > 990, `${performance.now() - started} ms`);
  const lines = gateway.log.filter(({ msg, status }) => msg === 'request' && status === 401);
  assert.equal(lines.length, 11);
});

test('a client that leaves while its answer is held back leaves nothing behind', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startGateway(t, origin.url, [give('alice')]);
  for (let count = 0; count < 10; count += 1) await send(`${gateway.url}/users/`);
  const controller = new AbortController();
  const left = fetch(`${gateway.url}/users/`, { signal: controller.signal }).catch(() => 'left');
  await wait(100);
  controller.abort();
  assert.equal(await left, 'left');
  await until(() => gateway.log.some(({ status }) => status === 499), 'a line in the log');
});

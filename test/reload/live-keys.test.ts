// API keys of MAAS that change while the proxy runs.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { waysToChange } from '../support/changing-file.ts';
import { emptyDirectory } from '../support/cli.ts';
import { give, oauth, startGateway } from '../support/gateway.ts';
import { freePorts } from '../support/ports.ts';
import { canaryKey, startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

test('a rotated API key takes over under load without a failed request, and then the old one can be deleted', async (t) => {
  const maas = await startMaas(t);
  const makeFile = waysToChange['swapped like a Kubernetes Secret'];
  const file = makeFile?.(emptyDirectory(t), 'maas_api_key', `${maas.adminKey}\n`);
  assert.ok(file);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--api-key-file', file.path] });
  const load = startLoad(() => send(`${proxy.url}/tags/`), 16);
  await until(() => load.done() > 50, 'the load runs');

  const newKey = await mintKey(maas);
  file.write(`${newKey}\n`);
  await until(
    () => told(proxy, /^read the API key file \S+ again: the key \w{4}… is admin, administrator$/) === 1,
    'it is told',
  );
  await load.allBegunBefore();
  await deleteKey(maas, newKey, maas.adminKey);
  const sofar = load.done();
  await until(() => load.done() > sofar + 100, 'the load goes on');
  const statuses = await load.stop();
  assert.deepEqual(
    statuses.filter((status) => status !== 200),
    [],
  );
  assert.equal(consumerOfLast(maas), newKey.split(':')[0]);
  t.diagnostic(`${statuses.length} requests`);
});

test("a client's own MAAS key takes over the same way, for this client alone", async (t) => {
  const maas = await startMaas(t);
  const file = join(emptyDirectory(t), 'bob.key');
  writeFileSync(file, maas.userKey);
  const [ann, bob] = [give('ann'), give('bob', { maasKeyFile: file })];
  const gateway = await startGateway(t, maas.url, [ann, bob], { key: maas.adminKey });
  const whoami = async (key: string): Promise<unknown> =>
    (await send(`${gateway.url}/users/?op=whoami`, { headers: { Authorization: `Bearer ${key}` } })).json()['username'];
  assert.equal(await whoami(bob.key), 'bob');
  const load = startLoad(() => send(`${gateway.url}/tags/`, { headers: { Authorization: `Bearer ${bob.key}` } }), 8);
  const newKey = await mintKey(maas, maas.userKey);
  writeFileSync(file, newKey);
  await until(
    () => told(gateway, /^read the API key file \S+bob\.key again: the key \w{4}… is bob, user$/) === 1,
    'it is told',
  );
  await load.allBegunBefore();
  await deleteKey(maas, newKey, maas.userKey);
  assert.equal(await whoami(bob.key), 'bob');
  assert.equal(consumerOfLast(maas), newKey.split(':')[0]);
  assert.equal(await whoami(ann.key), 'admin');
  assert.deepEqual(
    (await load.stop()).filter((status) => status !== 200),
    [],
  );
});

test("a client's broken key file keeps nobody from being revoked, and a new client's waits until it is mended", async (t) => {
  const maas = await startMaas(t);
  const directory = emptyDirectory(t);
  const [ann, bob, cyd] = [
    give('ann'),
    give('bob', { maasKeyFile: 'bob.key' }),
    give('cyd', { maasKeyFile: 'cyd.key' }),
  ];
  const file = join(directory, 'clients.json');
  const write = (given: readonly (typeof ann)[]): void =>
    writeFileSync(file, JSON.stringify({ clients: given.map(({ client }) => client) }));
  writeFileSync(join(directory, 'bob.key'), maas.userKey);
  write([ann, bob]);
  const gateway = await startTestProxy(t, maas.url, { key: maas.adminKey, flags: ['--clients-file', file] });
  const ask = async (key: string): Promise<number> =>
    (await send(`${gateway.url}/tags/`, { headers: { Authorization: `Bearer ${key}` } })).status;

  writeFileSync(join(directory, 'bob.key'), 'half:a key');
  await until(() => errors(gateway).length === 1, 'the broken key is said');
  assert.match(
    errors(gateway)[0] ?? '',
    /bob\.key: the key in it has 2 parts .*; what was read before stays in force\.$/,
  );
  write([bob]);
  await until(() => told(gateway, /^read the clients file \S+ again: 1 key$/) === 1, 'it is told');
  assert.equal(await ask(ann.key), 401);
  assert.equal(await ask(bob.key), 200);

  write([bob, cyd]);
  await until(() => errors(gateway).length === 2, 'the missing key is said');
  assert.match(errors(gateway)[1] ?? '', /cyd\.key, which does not exist; it is to be the MAAS key of cyd; what was/);
  writeFileSync(join(directory, 'cyd.key'), maas.adminKey);
  await until(() => told(gateway, /^read the clients file \S+ again: 2 keys$/) === 1, 'it is told');
  assert.equal(await ask(cyd.key), 200);
});

test('a key that MAAS refuses does not replace one that works; once MAAS knows it, it does', async (t) => {
  const maas = await startMaas(t);
  const file = join(emptyDirectory(t), 'key');
  writeFileSync(file, maas.adminKey);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--api-key-file', file] });
  writeFileSync(file, canaryKey);
  await until(() => errors(proxy).length > 0, 'the refusal is said');
  assert.match(
    errors(proxy)[0] ?? '',
    /^The API key that \S+key holds now \(\w{4}…\) is not used, and the one before stays in force: MAAS does not know the API key/,
  );
  assert.equal((await send(`${proxy.url}/tags/`)).status, 200);
  assert.equal((await send(`${proxy.adminUrl}/readyz`)).status, 200);
  assert.match(proxy.files().find(({ purpose }) => purpose === 'key')?.lastError ?? '', /is not used/);
  assert.doesNotMatch(JSON.stringify(proxy.log), /CanarySecret/);

  writeFileSync(file, await mintKey(maas));
  await until(() => told(proxy, /^read the API key file/) === 1, 'a good one is taken');
  assert.equal(errors(proxy).length, 1);
});

test('a key that MAAS refuses takes over when MAAS no longer takes the old one either', async (t) => {
  const maas = await startMaas(t);
  const file = join(emptyDirectory(t), 'key');
  writeFileSync(file, maas.adminKey);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--api-key-file', file] });
  const other = await mintKey(maas);
  await deleteKey(maas, other, maas.adminKey);
  writeFileSync(file, canaryKey);
  await until(() => told(proxy, /MAAS refuses the key Cana…, as it does the last$/) === 1, 'it is told');
  writeFileSync(file, other);
  await until(() => told(proxy, /is admin, administrator$/) === 1, 'the next one is taken');
  assert.equal((await send(`${proxy.url}/tags/`)).status, 200);
});

test('while MAAS is away a new key waits, and is taken as soon as MAAS is back', async (t) => {
  const [port = 0] = await freePorts(1);
  const gone = await startMaas(t, { port });
  const { adminKey, url } = gone;
  const file = join(emptyDirectory(t), 'key');
  writeFileSync(file, canaryKey);
  const proxy = await startTestProxy(t, url, { flags: ['--api-key-file', file] });
  await gone.close();
  writeFileSync(file, adminKey);
  await until(() => errors(proxy).length > 0, 'it is said');
  assert.match(errors(proxy)[0] ?? '', /is not used, and .*: it could not be tried\. Nothing listens/);
  await startMaas(t, { port });
  await until(() => told(proxy, /is admin, administrator$/) === 1, 'the key is taken');
  assert.equal((await send(`${proxy.url}/tags/`)).status, 200);
});

test('a key file that holds no key changes nothing', async (t) => {
  const maas = await startMaas(t);
  const file = join(emptyDirectory(t), 'key');
  writeFileSync(file, maas.adminKey);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--api-key-file', file] });
  writeFileSync(file, '');
  await until(() => errors(proxy).length > 0, 'it is said');
  assert.match(errors(proxy)[0] ?? '', /^--api-key-file names the file \S+: the key in it is empty; .*in force\.$/);
  assert.equal((await send(`${proxy.url}/tags/`)).status, 200);
});

async function startMaas(t: TestContext, options: SimulatorOptions = {}): Promise<Simulator> {
  const maas = await startSimulator(options);
  t.after(() => maas.close());
  return maas;
}

/** Many requests at once, again and again. */
function startLoad(
  request: () => Promise<{ status: number }>,
  width: number,
): { done(): number; allBegunBefore(): Promise<void>; stop(): Promise<number[]> } {
  const statuses: number[] = [];
  const rounds = Array.from({ length: width }, () => 0);
  const course = { isOver: false };
  const lanes = rounds.map(async (_, lane) => {
    while (!course.isOver) {
      statuses.push((await request()).status);
      rounds[lane] = (rounds[lane] ?? 0) + 1;
      await wait(5);
    }
  });
  return {
    done: () => statuses.length,
    async allBegunBefore() {
      const before = [...rounds];
      await until(
        () => rounds.every((round, lane) => round > (before[lane] ?? 0)),
        'each lane has begun a new request',
      );
    },
    async stop() {
      course.isOver = true;
      await Promise.all(lanes);
      return statuses;
    },
  };
}

/** A further key of the same user. */
async function mintKey(maas: Simulator, by = maas.adminKey): Promise<string> {
  const made = await account(maas, by, 'create_authorisation_token', '');
  const { consumer_key: consumer, token_key: token, token_secret: secret } = made.json();
  return `${String(consumer)}:${String(token)}:${String(secret)}`;
}

async function deleteKey(maas: Simulator, by: string, key: string): Promise<void> {
  assert.equal((await account(maas, by, 'delete_authorisation_token', `token_key=${key.split(':')[1]}`)).status, 204);
}

function account(maas: Simulator, by: string, op: string, body: string): ReturnType<typeof send> {
  return send(`${maas.url}/MAAS/api/2.0/account/?op=${op}`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: oauth(by) },
  });
}

function consumerOfLast({ received }: Simulator): string | undefined {
  const { rawHeaders = [] } =
    received.findLast(({ target }) => target.includes('/tags/') || target.includes('/users/')) ?? {};
  return /oauth_consumer_key="(\w+)"/.exec(rawHeaders.join('\n'))?.[1];
}

function told({ log }: TestProxy, sentence: RegExp): number {
  return log.filter(({ msg }) => sentence.test(String(msg))).length;
}

function errors({ log }: TestProxy): string[] {
  return log.filter(({ level, file }) => level === 50 && file !== undefined).map(({ msg }) => String(msg));
}

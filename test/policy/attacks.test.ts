import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { DEMO_SESSIONS, startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory } from '../support/cli.ts';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw.ts';

/** One attack as it lies in test/attacks: a character for each byte, `{host}` and the like filled in here. */
interface Attack {
  readonly name: string;
  /** The request line and header lines; the test adds Host, Connection: close and Content-Length, unless `raw`. */
  readonly head?: readonly string[];
  readonly body?: string;
  readonly raw?: true;
  /** All bytes, in the place of head and body. */
  readonly text?: string;
}

function readAttacks(file: string): Attack[] {
  return JSON.parse(readFileSync(resolve('test/attacks', file), 'utf8')) as Attack[];
}

function bytesOf({ head = [], body = '', raw, text }: Attack, fill: Readonly<Record<string, string>>): string {
  const added = [
    'Host: {host}',
    ...(head.some((line) => line.startsWith('Connection:') && line.endsWith('close')) ? [] : ['Connection: close']),
    ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
  ];
  const [line, ...fields] = head;
  const whole = text ?? [line, ...(raw === true ? [] : added), ...fields, '', body].join('\r\n');
  return whole.replaceAll(/\{(host|maas|consumer|token|secret|session|now)\}/g, (_, name: string) => fill[name] ?? '');
}

/** Sends an attack, and reads every byte until the proxy closes the connection. */
async function attack(t: TestContext, proxy: string, maas: Simulator, one: Attack): Promise<string> {
  const [consumer = '', token = '', secret = ''] = maas.userKey.split(':');
  const fill = {
    host: new URL(proxy).host,
    maas: new URL(maas.url).host,
    consumer,
    token,
    secret,
    session: DEMO_SESSIONS.admin,
    now: String(Math.floor(Date.now() / 1000)),
  };
  const connection = await connectRaw(t, proxy);
  connection.socket.write(bytesOf(one, fill), 'latin1');
  await connection.closed;
  return connection.text();
}

/** Every status that stands in the bytes: pipelined requests have several. */
function statuses(bytes: string): number[] {
  return [...bytes.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}

/** The secrets that only the answer of a token operation holds: no attack sends the admin's. */
function tokensIn(bytes: string, maas: Simulator): string[] {
  const [consumer = '', token = '', secret = ''] = maas.adminKey.split(':');
  return [consumer, token, secret, 'token_secret', 'consumer_key"'].filter((part) => bytes.includes(part));
}

const tokenOperation = /^(?:GET|POST) account (?:\w+_authorisation_tokens?|update_token_name)$/;

async function tryAll(
  t: TestContext,
  flags: readonly string[],
  attacks: readonly Attack[],
): Promise<{ refused: number; harmless: number }> {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const { url } = await startTestProxy(t, maas.url, { key: maas.adminKey, flags });
  const count = { refused: 0, harmless: 0 };
  for (const one of attacks) {
    maas.received.length = 0;
    const bytes = await attack(t, url, maas, one);
    assert.deepEqual(tokensIn(bytes, maas), [], `${one.name}: ${bytes}`);
    const reached = maas.received.filter(({ operation }) => tokenOperation.test(operation));
    assert.deepEqual(reached, [], `${one.name} has reached ${reached[0]?.operation}`);
    const found = statuses(bytes);
    const isRefused = found.some((status) => status >= 400 && status <= 599);
    // Answered harmlessly: by an operation that it was not after, or not at all.
    if (isRefused) count.refused += 1;
    else count.harmless += 1;
    assert.ok(
      found.every((status) => status < 500 || status === 501 || status === 505),
      `${one.name}: ${bytes}`,
    );
  }
  return count;
}

const onAccount = readAttacks('account.json');
const onDeploy = readAttacks('deploy.json');

test('each attack has a name of its own, and there are enough of them', () => {
  assert.equal(new Set(onAccount.map(({ name }) => name)).size, onAccount.length);
  assert.equal(new Set(onDeploy.map(({ name }) => name)).size, onDeploy.length);
  assert.ok(onAccount.length >= 200, `${onAccount.length}`);
  assert.ok(onDeploy.length >= 40, `${onDeploy.length}`);
});

test('without a policy the plain request does get a token, so that the search below would find one', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const { url } = await startTestProxy(t, maas.url, { key: maas.adminKey, flags: ['--policy', 'unrestricted'] });
  for (const name of ['plain', 'suffix', 'create, form', 'create, multipart, plain', 'chunked form']) {
    const one = onAccount.find((candidate) => candidate.name === name) ?? assert.fail(name);
    const bytes = await attack(t, url, maas, one);
    assert.notDeepEqual(tokensIn(bytes, maas), [], `${name}: ${bytes}`);
    assert.match(maas.received.at(-1)?.operation ?? '', tokenOperation);
  }
});

test('under the default policy no attack gets a token, reaches a token operation, or breaks the proxy', async (t) => {
  const { refused, harmless } = await tryAll(t, [], onAccount);
  assert.equal(refused + harmless, onAccount.length);
  assert.ok(harmless <= 15, `${harmless} were answered without a refusal`);
});

for (const [what, rules] of [
  ['reads alone and one operation', 'GET **\nPOST machines/* lock\ndeny * account/ *\n'],
  [
    'operations by name alone',
    '* **\ndeny GET account/ list_authorisation_tokens\ndeny POST account/ create_authorisation_token\ndeny POST account/ delete_authorisation_token\n',
  ],
] as const) {
  test(`under a policy file that names ${what}, no attack gets a token either`, async (t) => {
    const file = join(emptyDirectory(t), 'team.policy');
    writeFileSync(file, rules);
    const { refused, harmless } = await tryAll(t, ['--policy', file], onAccount);
    assert.equal(refused + harmless, onAccount.length);
  });
}

test('where a rule allows "lock" alone, no way to write the request runs "deploy", or anything else', async (t) => {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  const file = join(emptyDirectory(t), 'team.policy');
  writeFileSync(file, 'GET **\nPOST machines/* lock\ndeny * account/ *\n');
  const { url } = await startTestProxy(t, maas.url, { key: maas.adminKey, flags: ['--policy', file] });
  for (const one of onDeploy) {
    const bytes = await attack(t, url, maas, one);
    assert.ok(
      statuses(bytes).length === 1 && statuses(bytes).every((status) => status >= 400 && status < 500),
      `${one.name}: ${bytes}`,
    );
    assert.equal(maas.received.length, 0, `${one.name} has reached MAAS`);
  }
  const lock: Attack = { name: 'lock', head: ['POST /machines/m00001/op-lock HTTP/1.1'] };
  assert.deepEqual(statuses(await attack(t, url, maas, lock)), [200]);
  assert.deepEqual(
    maas.received.map(({ operation }) => operation),
    ['POST machines/{system_id} lock'],
  );
});

test('where rules name what is refused, no way to write the request runs "deploy"', async (t) => {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  const file = join(emptyDirectory(t), 'team.policy');
  writeFileSync(file, '* **\ndeny POST machines/* deploy\n');
  const { url } = await startTestProxy(t, maas.url, { key: maas.adminKey, flags: ['--policy', file] });
  for (const one of onDeploy) {
    await attack(t, url, maas, one);
    const ran = maas.received.filter(({ operation }) => operation === 'POST machines/{system_id} deploy');
    assert.equal(ran.length, 0, `${one.name} has run deploy`);
  }
});

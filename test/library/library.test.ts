import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { settings, type Setting } from '../../src/config/settings.ts';
import { ConfigurationError, createProxy, type Proxy, type ProxyOptions } from '../../src/library/create-proxy.ts';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory } from '../support/cli.ts';
import { canaryKey } from '../support/proxy.ts';

async function startMaas(t: TestContext): Promise<Simulator> {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  return maas;
}

/** A proxy on free ports, which ends with the test. */
function make(t: TestContext, options: ProxyOptions): Proxy {
  const proxy = createProxy({ port: 0, adminPort: 'off', drainTimeout: 1, ...options });
  t.after(() => proxy.stop());
  return proxy;
}

/** The sentences about wrong options. */
async function mistakesOf(options: unknown): Promise<readonly string[]> {
  const proxy = createProxy(options as ProxyOptions);
  const error: unknown = await proxy.listen().then(
    () => proxy.stop().then(() => assert.fail('it listens')),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigurationError, String(error));
  assert.equal(error.message, error.mistakes.join('\n'));
  return error.mistakes;
}

/** What the others need in order to be looked at alone. */
const right = { maasUrl: 'http://127.0.0.1:9', apiKey: canaryKey };

test('a proxy signs from listen() to stop(), and says where it listens meanwhile', async (t) => {
  const maas = await startMaas(t);
  const proxy = make(t, { maasUrl: maas.url, apiKey: maas.adminKey, adminPort: 0 });
  assert.equal(proxy.url, undefined);
  const url = await proxy.listen();
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(proxy.url, url);
  assert.equal((await fetch(`${url}/users/?op=whoami`)).status, 200);
  assert.equal(maas.received.at(-1)?.user, 'admin');
  assert.equal((await fetch(`${proxy.adminUrl}/livez`)).status, 200);
  assert.equal(await proxy.stop(), 0);
  assert.equal(proxy.url, undefined);
  assert.equal(proxy.adminUrl, undefined);
  await assert.rejects(fetch(`${url}/users/?op=whoami`));
});

test('stop() lets a request in flight finish', async (t) => {
  const maas = await startMaas(t);
  maas.faults.next('GET /users/', { kind: 'delay', ms: 200 });
  const proxy = make(t, { maasUrl: maas.url, apiKey: maas.adminKey, drainTimeout: 20 });
  const url = await proxy.listen();
  const arrived = maas.nextRequest();
  const response = fetch(`${url}/users/`);
  await arrived;
  assert.equal(await proxy.stop(), 0);
  assert.equal((await response).status, 200);
});

test('listen() twice is one proxy, and after stop() it starts again, on the same port if that is asked for', async (t) => {
  const maas = await startMaas(t);
  const proxy = make(t, { maasUrl: maas.url, apiKey: maas.adminKey });
  const [one, other] = await Promise.all([proxy.listen(), proxy.listen()]);
  assert.equal(one, other);
  const { port } = new URL(one);
  await proxy.stop();
  const fixed = make(t, { maasUrl: maas.url, apiKey: maas.adminKey, port: Number(port) });
  await fixed.listen();
  const stopped = fixed.stop();
  assert.equal(await fixed.listen(), one);
  await stopped;
  assert.equal((await fetch(`${one}/users/`)).status, 200);
});

test('a proxy that was stopped while it started does not listen', async (t) => {
  const proxy = make(t, right);
  const url = proxy.listen();
  await proxy.stop();
  await assert.rejects(fetch(await url));
  assert.equal(proxy.url, undefined);
});

test('a port that is taken is a sentence that names the option; once it is free, listen() succeeds', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const proxy = make(t, { ...right, port });
  await assert.rejects(proxy.listen(), {
    name: 'ListenError',
    message: `127.0.0.1 port ${port} is in use by another program; choose another port with the option port.`,
  });
  assert.equal(proxy.url, undefined);
  other.close();
  await once(other, 'close');
  assert.equal(await proxy.listen(), `http://127.0.0.1:${port}`);
});

test('neither the environment nor a .env is read, unless its variables are passed', async (t) => {
  const maas = await startMaas(t);
  const variables = { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, POLICY: 'read-only', PORT: 'none' };
  Object.assign(process.env, variables);
  t.after(() => Object.keys(variables).forEach((name) => delete process.env[name]));
  const folder = emptyDirectory(t);
  writeFileSync(join(folder, '.env'), `MAAS_URL=${maas.url}\nMAAS_API_KEY=${maas.adminKey}\n`);
  const directory = process.cwd();
  process.chdir(folder);
  t.after(() => process.chdir(directory));
  const missing = await mistakesOf({});
  assert.deepEqual(missing.map((sentence) => sentence.split(':', 1)[0]).toSorted(), [
    'apiKey is not set',
    'maasUrl is not set',
  ]);

  const url = await make(t, { env: process.env }).listen(); // the port is an option, which wins
  assert.equal((await fetch(`${url}/users/`)).status, 200);
  assert.equal(
    (await fetch(`${url}/zones/`, { method: 'POST', body: new URLSearchParams({ name: 'a' }) })).status,
    403,
  );
  const wrong = await mistakesOf({ env: { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, PORT: 'none' } });
  assert.match(wrong.join(), /^PORT must be a port number/);
});

for (const [what, options, sentence] of [
  ['a misspelt option', { polcy: 'read-only' }, 'polcy is not an option; did you mean policy?'],
  ['an option that is none', { frobnicate: 1 }, 'frobnicate is not an option; the type ProxyOptions lists them.'],
  ['a setting of the log', { logLevel: 'info' }, 'logLevel is not an option: set log to a pino logger, or to a level.'],
  ['a value of no type that an option has', { port: null }, 'port must be a number, not null.'],
  ['an object for a switch', { page: {} }, 'page must be true or false, not of type object.'],
  ['a list of other things', { allowedHosts: [1] }, 'allowedHosts must be text, not a list of other things than text.'],
  [
    'a number out of bounds',
    { maxUpstream: 0 },
    'maxUpstream must be a whole number from 1 to 10000 in plain digits, not "0".',
  ],
  [
    'a level that there is not',
    { log: 'loud' },
    'log must be a pino logger, "off", or a level: fatal, error, warn, info, debug, trace.',
  ],
  ['half of https', { tlsCertFile: 'a.pem' }, 'tlsCertFile is set, and tlsKeyFile is not; https needs both.'],
  [
    'certificates of clients without a clients file',
    { tlsCertFile: '/a', tlsKeyFile: '/b', clientCaFile: '/c' },
    'clientCaFile is set, and clientsFile is not; it holds the names of the clients.',
  ],
  ['two places for the key', { apiKeyFile: '/key' }, 'apiKey and apiKeyFile are both set; keep one of them.'],
  [
    'all interfaces',
    { host: '0.0.0.0' },
    'host is 0.0.0.0, so anybody who can reach the port could use the API key: require keys with clientsFile, or set allowUnauthenticated to true if only authorized clients can reach the port.',
  ],
  [
    'a cache larger than half of the memory',
    { maxMemory: '64M', cacheTtl: 1, cacheMaxBytes: 60_000_000 },
    'cacheMaxBytes is 60000000, but maxMemory is 67108864 bytes: set at most half of that, 33554432, or raise maxMemory.',
  ],
] as const) {
  test(`${what} is a sentence that names the option`, async () => {
    assert.deepEqual(await mistakesOf({ ...right, ...options }), [sentence]);
  });
}

test('an audit file that cannot be written is a sentence that names the option', async () => {
  assert.deepEqual(await mistakesOf({ ...right, port: 0, adminPort: 'off', auditFile: '/nonexistent/audit.log' }), [
    'auditFile names the file /nonexistent/audit.log, whose directory does not exist.',
  ]);
});

test('no sentence repeats a key or a password', async () => {
  const [consumer = '', , secret = ''] = canaryKey.split(':');
  const said = await mistakesOf({ maasUrl: 'http://a', apiKey: `${consumer}:${secret}`, redisUrl: `redis:/${secret}` });
  assert.equal(said.length, 2);
  assert.ok(!said.join().includes(secret));
});

test("a password in redisUrl is no mistake: no process list shows a program's options", async () => {
  const said = await mistakesOf({ ...right, port: -1, redisUrl: 'redis://:secret@127.0.0.1:6379' });
  assert.deepEqual(said, ['port must be a port number from 0 to 65535, not "-1".']);
});

test('the log goes to the pino logger that is passed, from its level on, with its own fields, and no key in it', async (t) => {
  const maas = await startMaas(t);
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info', base: { program: 'mine' } }, { write: (line) => lines.push(JSON.parse(line)) });
  const url = await make(t, { maasUrl: maas.url, apiKey: maas.adminKey, insecure: true, log }).listen();
  await fetch(`${url}/users/?name=${canaryKey}`);
  const [warning, request] = lines;
  assert.equal(lines.length, 2);
  assert.equal(warning?.['level'], 40);
  assert.match(String(warning?.['msg']), /certificate is not verified/);
  assert.equal(request?.['msg'], 'request');
  assert.equal(request?.['status'], 200);
  assert.equal(request?.['program'], 'mine');
  assert.equal(typeof request?.['time'], 'number');
  assert.ok(!JSON.stringify(lines).includes(canaryKey));
});

test('by default nothing is logged, and no handler of signals is added', async (t) => {
  const maas = await startMaas(t);
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'uncaughtException', 'unhandledRejection'];
  const handlers = (): number[] => events.map((name) => process.listenerCount(name));
  const before = handlers();
  const write = t.mock.method(process.stdout, 'write');
  const url = await make(t, { maasUrl: maas.url, apiKey: maas.adminKey, insecure: true }).listen();
  await fetch(`${url}/users/`);
  const written = write.mock.calls
    .map(({ arguments: [text] }) => String(text))
    .filter((text) => text.startsWith('{"level"'));
  write.mock.restore();
  assert.deepEqual(written, []);
  assert.deepEqual(handlers(), before);
});

test('the documentation of each option names its default', () => {
  const source = readFileSync(resolve('src/library/options.ts'), 'utf8');
  const documented = [...source.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s+readonly (\w+)\?:/g)].map(
    ([, text = '', name = '']) => [name, text.replaceAll(/\s+\*?\s*/g, ' ').trim()] as const,
  );
  const expected = (Object.entries(settings) as [string, Setting<unknown>][]).filter(
    ([name]) => !name.startsWith('log'),
  );
  assert.deepEqual(
    documented.map(([name]) => name),
    [...expected.map(([name]) => name), 'log', 'env'],
  );
  for (const [at, [name, { default: value, defaultText }]] of expected.entries()) {
    const stated = defaultText ?? (value === undefined ? undefined : String(value));
    const found = /Default: (.+)\.$/.exec(documented[at]?.[1] ?? '')?.[1];
    assert.equal(
      found,
      stated
        ?.replaceAll('`', '')
        .replace('--max-memory', '`maxMemory`')
        .replace(/^`?standard`?$/, 'standard'),
      name,
    );
  }
});

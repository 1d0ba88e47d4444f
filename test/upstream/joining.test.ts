import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { DEMO_ADMIN_KEY, DEMO_USER_KEY, startSimulator } from '../../src/simulator/simulator.ts';
import { watchArrivals } from '../support/arrivals.ts';
import { emptyDirectory } from '../support/cli.ts';
import { startHeldMaas, type HeldMaas } from '../support/held-maas.ts';
import { canaryKey, startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

interface Setting {
  readonly maas: HeldMaas;
  readonly proxy: TestProxy;
  readonly came: (count: number) => Promise<void>;
  /** Sends a GET, and counts how many have been sent. */
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
}

/** A MAAS that answers when told, and a proxy before it. */
async function start(t: TestContext, flags: readonly string[] = []): Promise<Setting> {
  const maas = await startHeldMaas(t);
  const proxy = await startTestProxy(t, maas.url, { flags });
  const came = watchArrivals(t, proxy.url);
  return { maas, proxy, came, get: (path, headers = {}) => send(proxy.url + path, { headers }) };
}

/** Sends the same GET several times, and resolves when all are with the proxy. */
async function gather(setting: Setting, path: string, count: number, before = 0): Promise<Promise<Reply>[]> {
  const replies = Array.from({ length: count }, () => setting.get(path));
  for (const reply of replies) reply.catch(() => {}); // looked at later
  await setting.came(before + count);
  return replies;
}

const collapsed = 'maas-auth-proxy; fwd=miss; collapsed';

test('50 clients that ask for machines/ at once are one request at MAAS, and each gets its own answer', async (t) => {
  const maas = await startSimulator({ slots: 16, machines: 50, delays: { 'GET /machines/': 1_000 } });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey });
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      send(`${proxy.url}/machines/`, {
        headers: { 'X-Request-Id': `poller-${index}`, 'User-Agent': `poller ${index}` },
      }),
    ),
  );
  assert.equal(maas.received.length, 1);
  const [first] = replies;
  for (const [index, reply] of replies.entries()) {
    assert.equal(reply.status, 200);
    assert.ok(reply.body.equals((first as Reply).body));
    assert.equal(reply.headers['x-request-id'], `poller-${index}`);
    assert.equal(reply.headers['via'], '1.1 maas-auth-proxy');
    assert.equal(reply.headers['content-length'], String(reply.body.length));
  }
  assert.equal(replies.filter(({ headers }) => headers['cache-status'] === collapsed).length, 49);
  assert.equal(replies.filter(({ headers }) => headers['cache-status'] === undefined).length, 1);
  assert.equal((JSON.parse(replies[49]?.body.toString() ?? '') as unknown[]).length, 50);
});

test('with --no-coalesce each of them is a request at MAAS', async (t) => {
  const setting = await start(t, ['--no-coalesce']);
  const replies = await gather(setting, '/machines/', 3);
  for (const index of [0, 1, 2]) (await setting.maas.arrived(index)).response.end('[]');
  for (const reply of await Promise.all(replies)) assert.equal(reply.headers['cache-status'], undefined);
});

test('a read that comes after the answer has begun is a request of its own', async (t) => {
  const setting = await start(t);
  const first = setting.get('/machines/');
  const { response } = await setting.maas.arrived(0);
  response.write('[');
  await until(() => response.writableLength === 0, 'the beginning of the answer');
  const second = setting.get('/machines/');
  (await setting.maas.arrived(1)).response.end('[2]');
  response.end(']');
  assert.equal((await first).body.toString(), '[]');
  assert.equal((await second).body.toString(), '[2]');
});

for (const [what, request] of [
  ['another path', { path: '/zones/' }],
  ['another query', { path: '/machines/?id=a' }],
  ['another Accept', { headers: { Accept: 'text/plain' } }],
  ['another language', { headers: { 'Accept-Language': 'de' } }],
  ['another name of the proxy', { headers: { Host: 'localhost' } }],
  ['a field that nobody knows', { headers: { 'X-Tenant': 'a' } }],
  ['a range', { headers: { Range: 'bytes=0-1' } }],
  ['a condition', { headers: { 'If-None-Match': '"x"' } }],
  ['Cache-Control: no-cache', { headers: { 'Cache-Control': 'no-cache' } }],
  ['Cache-Control: no-store', { headers: { 'Cache-Control': 'no-store' } }],
  ['Cache-Control: max-age=0', { headers: { 'Cache-Control': 'max-age=0' } }],
  ['Pragma: no-cache', { headers: { Pragma: 'no-cache' } }],
] as const satisfies [string, { path?: string; headers?: Record<string, string> }][]) {
  test(`a read is not joined with one that has ${what}`, async (t) => {
    const setting = await start(t);
    const first = setting.get('/machines/');
    await setting.maas.arrived(0);
    const { path = '/machines/', headers = {} } = request as { path?: string; headers?: Record<string, string> };
    const second = setting.get(path, headers);
    (await setting.maas.arrived(1)).response.end('[2]');
    assert.equal((await second).body.toString(), '[2]');
    (await setting.maas.arrived(0)).response.end('[1]');
    assert.equal((await first).body.toString(), '[1]');
  });
}

for (const [method, path] of [
  ['HEAD', '/machines/'],
  ['OPTIONS', '/machines/'],
  ['POST', '/machines/?op=accept_all'],
  ['DELETE', '/zones/a/'],
  ['GET', '/machines/abc/?op=power_parameters'],
  ['GET', '/machines/abc/op-power_parameters'],
  ['GET', '/machines/abc/?op=query_power_state'],
  ['GET', '/machines/?op=x;op=power_parameters'],
  ['GET', '/license-keys/'],
  ['GET', '/account/prefs/sslkeys/'],
  ['GET', '/account/?op=list_authorisation_tokens'],
  ['GET', '/files/a/'],
] as const) {
  test(`${method} ${path} is never joined`, async (t) => {
    const setting = await start(t, ['--policy', 'unrestricted']);
    const replies = [1, 2].map(() => send(setting.proxy.url + path, { method }));
    for (const index of [0, 1]) (await setting.maas.arrived(index)).response.end('[]');
    for (const reply of await Promise.all(replies)) assert.equal(reply.headers['cache-status'], undefined);
  });
}

test('a client that sees a write answered gets no answer that was asked for before: neither its own nor of another', async (t) => {
  const setting = await start(t);
  const before = setting.get('/zones/');
  const old = await setting.maas.arrived(0);
  const write = send(`${setting.proxy.url}/zones/`, { method: 'POST', body: 'name=a' });
  (await setting.maas.arrived(1)).response.writeHead(200, { 'Content-Length': 2 }).write('O');
  const after = setting.get('/zones/'); // the answer to the write has begun, and whoever reads it may ask now
  (await setting.maas.arrived(2)).response.end('["a"]');
  assert.equal((await after).body.toString(), '["a"]');
  (await setting.maas.arrived(1)).response.end('K');
  await write;
  const later = setting.get('/zones/');
  (await setting.maas.arrived(3)).response.end('["a","b"]');
  assert.equal((await later).body.toString(), '["a","b"]');
  old.response.end('[]');
  assert.equal((await before).body.toString(), '[]');
});

test('a read that comes while a write is under way is not joined with one that came before the write', async (t) => {
  const setting = await start(t);
  const replies = [setting.get('/zones/')];
  await setting.maas.arrived(0);
  const write = send(`${setting.proxy.url}/zones/`, { method: 'POST', body: 'name=a' });
  await setting.maas.arrived(1);
  replies.push(...(await gather(setting, '/zones/', 2, 2)));
  for (const index of [0, 1, 2]) (await setting.maas.arrived(index)).response.end(String(index));
  await write;
  assert.deepEqual(
    (await Promise.all(replies)).map(({ body }) => body.toString()),
    ['0', '2', '2'],
  );
});

test('a write whose client left, and one that broke off, end the joining as well', async (t) => {
  const setting = await start(t);
  const write = await connectRaw(t, setting.proxy.url);
  write.socket.write('DELETE /zones/a/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const { response } = await setting.maas.arrived(0);
  const first = setting.get('/zones/');
  await setting.maas.arrived(1);
  write.socket.destroy();
  await until(() => response.destroyed, 'the end of the write at MAAS');
  const second = setting.get('/zones/');
  (await setting.maas.arrived(2)).response.end('2');
  assert.equal((await second).body.toString(), '2');

  const third = send(`${setting.proxy.url}/zones/a/`, { method: 'DELETE' });
  const fourth = setting.get('/zones/');
  for (const index of [3, 4]) {
    const held = await setting.maas.arrived(index);
    if (held.request.method === 'DELETE') held.request.socket.resetAndDestroy();
    else void third.then(() => held.response.end('old'));
  }
  assert.equal((await third).status, 502);
  const fifth = setting.get('/zones/');
  (await setting.maas.arrived(5)).response.end('new');
  assert.equal((await fifth).body.toString(), 'new');
  assert.equal((await fourth).body.toString(), 'old');
  (await setting.maas.arrived(1)).response.end('1');
  await first;
});

test('when the client that asked first leaves, the others get their answer', async (t) => {
  const setting = await start(t);
  const first = await connectRaw(t, setting.proxy.url);
  first.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const { response } = await setting.maas.arrived(0);
  const headers = { Host: 'localhost' };
  const others = [1, 2].map(() => setting.get('/machines/', headers));
  await setting.came(3);
  first.socket.destroy();
  await until(() => setting.proxy.log.some(({ code }) => code === 'client-gone'), 'the log line of the one that left');
  assert.equal(response.destroyed, false);
  response.end('[]');
  for (const reply of await Promise.all(others)) {
    assert.equal(reply.body.toString(), '[]');
    assert.equal(reply.headers['cache-status'], collapsed);
  }
  assert.equal(setting.maas.received.length, 1);
});

test('when all have left, the request at MAAS is given up, and who asks then begins anew', async (t) => {
  const setting = await start(t);
  const clients = await Promise.all([1, 2, 3].map(() => connectRaw(t, setting.proxy.url)));
  for (const { socket } of clients) socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const { response } = await setting.maas.arrived(0);
  await setting.came(3);
  for (const { socket } of clients) socket.destroy();
  await until(() => response.destroyed, 'the end of the request at MAAS');
  const next = setting.get('/machines/', { Host: 'localhost' });
  (await setting.maas.arrived(1)).response.end('[]');
  assert.equal((await next).status, 200);
});

for (const [what, fail, code] of [
  ['resets the connection', ({ request }) => request.socket.resetAndDestroy(), 'maas-reset'],
  [
    'breaks off in the middle of the answer',
    ({ response }) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('half', () => response.socket?.destroy());
    },
    'maas-reset',
  ],
  ['has its region controller down', ({ response }) => response.writeHead(502).end('bad gateway'), 'maas-region-down'],
] as const satisfies [string, (held: Awaited<ReturnType<HeldMaas['arrived']>>) => void, string][]) {
  test(`when MAAS ${what}, all who were joined get the same error, and nothing more is sent than for one`, async (t) => {
    const setting = await start(t);
    const replies = await gather(setting, '/machines/', 20);
    // A read whose connection breaks before the answer is sent three times.
    for (let index = 0; index < (what.startsWith('resets') ? 3 : 1); index += 1)
      fail(await setting.maas.arrived(index));
    for (const reply of await Promise.all(replies)) {
      assert.equal(reply.status, 502);
      assert.equal(reply.json()['code'], code);
      assert.equal(reply.json()['requestId'], reply.headers['x-request-id']);
    }
    assert.ok(setting.maas.received.length <= 3);
  });
}

test('an error of MAAS itself goes to all who were joined', async (t) => {
  const setting = await start(t);
  const replies = await gather(setting, '/machines/', 5);
  (await setting.maas.arrived(0)).response.writeHead(500, { 'Content-Type': 'text/plain' }).end('Oops');
  for (const reply of await Promise.all(replies)) {
    assert.equal(reply.status, 500);
    assert.equal(reply.body.toString(), 'Oops');
  }
});

const eightMiB = 8 * 1024 * 1024;

test('a client that does not read holds up none of those that it was joined with, and gets its answer when it reads', async (t) => {
  const setting = await start(t);
  const slow = await connectRaw(t, setting.proxy.url);
  slow.socket.pause();
  slow.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  const { response } = await setting.maas.arrived(0);
  const others = [1, 2].map(() => setting.get('/machines/', { Host: 'localhost', Connection: 'close' }));
  await setting.came(3);
  response.end(Buffer.alloc(eightMiB, 'abcdefg'));
  for (const reply of await Promise.all(others)) assert.equal(reply.body.length, eightMiB);
  slow.socket.resume();
  assert.equal(await slow.closed, 'closed');
  assert.ok(slow.text().endsWith(Buffer.alloc(eightMiB, 'abcdefg').subarray(-1_000).toString()));
  assert.ok(slow.text().length > eightMiB);
});

for (const [what, headers] of [
  ['that tells its length', { 'Content-Length': String(3 * eightMiB) }],
  ['that does not tell its length', {}],
] as const) {
  test(`an answer above 16 MiB ${what} is joined by nobody: each asks for itself, and gets it whole`, async (t) => {
    const setting = await start(t);
    const replies = await gather(setting, '/machines/', 3);
    const body = Buffer.alloc(3 * eightMiB, '0123456789');
    for (const index of [0, 1, 2]) (await setting.maas.arrived(index)).response.writeHead(200, headers).end(body);
    for (const reply of await Promise.all(replies)) {
      assert.ok(reply.body.equals(body));
      assert.equal(reply.headers['cache-status'], undefined);
    }
    assert.equal(setting.maas.received.length, 3);
  });
}

for (const [name, value] of [
  ['Content-Encoding', 'gzip'],
  ['Vary', 'Authorization, User-Agent'],
  ['Vary', '*'],
] as const) {
  test(`an answer with "${name}: ${value}" is for the one who asked, and each asks for itself`, async (t) => {
    const setting = await start(t);
    const replies = await gather(setting, '/machines/', 2);
    for (const index of [0, 1]) {
      (await setting.maas.arrived(index)).response.writeHead(200, { [name]: value }).end(String(index));
    }
    const bodies = (await Promise.all(replies)).map(({ body }) => body.toString());
    assert.deepEqual(bodies.toSorted(), ['0', '1']);
  });
}

test('joined clients that speak HTTP/1.0 and HTTP/1.1 each get an answer of their own kind', async (t) => {
  const setting = await start(t);
  const clients = await Promise.all(['1.0', '1.1'].map(() => connectRaw(t, setting.proxy.url)));
  for (const [index, version] of ['1.0', '1.1'].entries()) {
    clients[index]?.socket.write(`GET /machines/ HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  }
  const { response } = await setting.maas.arrived(0);
  await setting.came(2);
  response.write('[');
  response.end(']'); // in chunks
  const [old, recent] = await Promise.all(clients.map(async ({ closed, text }) => (await closed, text())));
  assert.match(old ?? '', /\r\n\r\n\[\]$/);
  assert.match(recent ?? '', /Transfer-Encoding: chunked\r\n\r\n2\r\n\[\]\r\n0\r\n\r\n$/i);
});

test('each who is joined gets Location in the form of the address that it used', async (t) => {
  const setting = await start(t);
  const forms = ['', '/api/2.0', '/MAAS/api/2.0'];
  const replies = forms.map((form) => setting.get(`${form}/machines/`));
  await setting.came(3);
  (await setting.maas.arrived(0)).response.writeHead(302, { Location: '/MAAS/api/2.0/zones/' }).end();
  assert.deepEqual(
    (await Promise.all(replies)).map(({ headers }) => headers['location']),
    forms.map((form) => `${form}/zones/`),
  );
  assert.equal(setting.maas.received.length, 1);
});

test('in a gateway, clients with one MAAS key are joined, and those with a MAAS key of their own are not', async (t) => {
  const directory = emptyDirectory(t);
  const secret = 's'.repeat(32);
  writeFileSync(join(directory, 'carol.key'), DEMO_USER_KEY);
  const clients = ['alice', 'bob', 'carol'].map((name) => ({
    name,
    consumer: `${name}consumer`,
    token: `${name}token`,
    secretSha256: createHash('sha256').update(secret).digest('hex'),
    policy: 'standard',
    maasKeyFile: name === 'carol' ? 'carol.key' : null,
  }));
  const file = join(directory, 'clients.json');
  writeFileSync(file, JSON.stringify({ clients }));
  const maas = await startSimulator({ delays: { 'GET /users/': 500 } });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url, { key: DEMO_ADMIN_KEY, flags: ['--clients-file', file] });
  const [alice, bob, carol] = await Promise.all(
    clients.map(({ consumer, token }) =>
      send(`${proxy.url}/users/?op=whoami`, { headers: { Authorization: `Bearer ${consumer}:${token}:${secret}` } }),
    ),
  );
  assert.equal(alice?.json()['username'], 'admin');
  assert.equal(bob?.json()['username'], 'admin');
  assert.equal(carol?.json()['username'], 'bob');
  assert.equal(maas.received.length, 2);
});

test('what is joined holds no secret of the proxy, and stands in the log as a request of its own', async (t) => {
  const setting = await start(t);
  const replies = await gather(setting, '/machines/', 3);
  (await setting.maas.arrived(0)).response.end('[]');
  await Promise.all(replies);
  await until(() => setting.proxy.log.filter(({ msg }) => msg === 'request').length === 3, 'three log lines');
  assert.ok(!JSON.stringify(setting.proxy.log).includes(canaryKey.split(':')[2] as string));
});

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { createWriteEpoch } from '../../src/upstream/reuse/write-epoch.ts';
import { createCache } from '../../src/upstream/reuse/cache.ts';
import type { BufferedResponse } from '../../src/upstream/reuse/buffered-response.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

interface Setting {
  readonly maas: Origin;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  change(method: string, path: string): Promise<Reply>;
}

/** A MAAS that counts its answers, and a proxy that remembers them for an hour. */
async function start(
  t: TestContext,
  flags: readonly string[] = [],
  answer: (response: ServerResponse, count: number) => void = (response, count) => response.end(`answer ${count}`),
): Promise<Setting> {
  let count = 0;
  const maas = await startOrigin(t, (_request, response) => {
    count += 1;
    answer(response, count);
  });
  const proxy = await startTestProxy(t, maas.url, { flags: ['--cache-ttl', '3600', ...flags] });
  return {
    maas,
    get: (path, headers = {}) => send(proxy.url + path, { headers }),
    change: (method, path) => send(proxy.url + path, { method }),
  };
}

test('a read is answered from memory, with its age and how long it will last', async (t) => {
  const { maas, get } = await start(t);
  const first = await get('/zones/');
  assert.equal(first.headers['cache-status'], undefined);
  assert.equal(first.headers['age'], undefined);
  const second = await get('/zones/', { 'X-Request-Id': 'second' });
  assert.equal(second.body.toString(), 'answer 1');
  assert.match(String(second.headers['cache-status']), /^maas-auth-proxy; hit; ttl=35\d\d$/);
  assert.match(String(second.headers['age']), /^\d$/);
  assert.equal(second.headers['x-request-id'], 'second');
  assert.equal(second.headers['via'], '1.1 maas-auth-proxy');
  assert.equal(second.headers['date'], first.headers['date']);
  assert.equal(maas.received.length, 1);
});

test('without --cache-ttl nothing is remembered, and no answer has an ETag of the proxy', async (t) => {
  const maas = await startOrigin(t);
  const proxy = await startTestProxy(t, maas.url);
  for (const _ of [1, 2]) {
    const { headers } = await send(`${proxy.url}/zones/`);
    assert.equal(headers['etag'], undefined);
    assert.equal(headers['cache-status'], undefined);
  }
  assert.equal(maas.received.length, 2);
});

test('with --no-coalesce reads are still remembered', async (t) => {
  const { maas, get } = await start(t, ['--no-coalesce']);
  await get('/zones/');
  await get('/zones/');
  assert.equal(maas.received.length, 1);
});

function answerOf(body: Buffer): BufferedResponse {
  return { status: 200, statusText: 'OK', fields: [], body, region: undefined };
}

test('an answer is forgotten when its time is over, and counts from when MAAS was asked', () => {
  let now = 0;
  const memory = createCache(5_000, 1_000, () => now);
  const answer = answerOf(Buffer.from('x'));
  now = 1_000;
  memory.store('a', 0, answer, 0);
  assert.equal(memory.find('a', 0, Infinity)?.age, 1);
  now = 4_999;
  assert.deepEqual([memory.find('a', 0, Infinity)?.age, memory.find('a', 0, Infinity)?.ttl], [4, 0]);
  assert.equal(memory.find('a', 0, 4), undefined); // the client's max-age
  now = 5_000;
  assert.equal(memory.find('a', 0, Infinity), undefined);
});

test('memory never holds more bytes than it may; what was not asked for the longest goes first', () => {
  const memory = createCache(5_000, 3_100, () => 0);
  const answer = answerOf(Buffer.alloc(1_000));
  for (const text of ['a', 'b', 'c']) memory.store(text, 0, answer, 0);
  memory.find('a', 0, Infinity);
  memory.store('d', 0, answer, 0);
  const there = ['a', 'b', 'c', 'd'].filter((text) => memory.find(text, 0, Infinity) !== undefined);
  assert.deepEqual(there, ['a', 'c', 'd']);
  memory.store('e', 0, answerOf(Buffer.alloc(4_000)), 0);
  assert.equal(memory.find('e', 0, Infinity), undefined);
});

test('memory holds a bounded number of answers, however small they are', () => {
  const memory = createCache(5_000, 4_096_000, () => 0);
  const answer = answerOf(Buffer.alloc(1));
  for (let index = 0; index < 1_500; index += 1) memory.store(String(index), 0, answer, 0);
  assert.equal(memory.find('499', 0, Infinity), undefined);
  assert.notEqual(memory.find('500', 0, Infinity), undefined);
});

test('an answer larger than --cache-max-bytes passes whole, and is not remembered', async (t) => {
  const body = Buffer.alloc(200_000, 'abc');
  const { maas, get } = await start(t, ['--cache-max-bytes', '100000'], (response) => response.end(body));
  for (const _ of [1, 2]) assert.ok((await get('/zones/')).body.equals(body));
  assert.equal(maas.received.length, 2);
});

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
  test(`a ${method} to another address empties the memory`, async (t) => {
    const { get, change } = await start(t);
    assert.equal((await get('/zones/')).body.toString(), 'answer 1');
    await change(method, '/tags/a/');
    assert.equal((await get('/zones/')).body.toString(), 'answer 3');
  });
}

test('a GET that changes something empties the memory', async (t) => {
  const { get } = await start(t);
  await get('/machines/abc/');
  await get('/machines/abc/?op=query_power_state');
  assert.equal((await get('/machines/abc/')).body.toString(), 'answer 3');
});

for (const status of [201, 204, 302, 400, 404, 500, 503]) {
  test(`an answer with status ${status} is not remembered`, async (t) => {
    const { maas, get } = await start(t, [], (response) => response.writeHead(status).end());
    for (const _ of [1, 2]) assert.equal((await get('/zones/')).status, status);
    assert.equal(maas.received.length, 2);
  });
}

for (const [name, value] of [
  ['Cache-Control', 'private, no-store'],
  ['Cache-Control', 'no-cache'],
  ['Vary', 'User-Agent'],
  ['Content-Encoding', 'br'],
] as const) {
  test(`an answer with "${name}: ${value}" is not remembered`, async (t) => {
    const { maas, get } = await start(t, [], (response) => response.setHeader(name, value).end('x'));
    for (const _ of [1, 2]) assert.equal((await get('/zones/')).headers[name.toLowerCase()], value);
    assert.equal(maas.received.length, 2);
  });
}

test("MAAS's own Vary, Authorization and Cookie, keeps nothing out of memory", async (t) => {
  const { maas, get } = await start(t, [], (response) => response.setHeader('Vary', 'Authorization, Cookie').end('x'));
  for (const _ of [1, 2]) await get('/zones/');
  assert.equal(maas.received.length, 1);
});

for (const path of ['/machines/abc/?op=power_parameters', '/license-keys/', '/files/a/', '/account/prefs/sslkeys/']) {
  test(`the answer to GET ${path} is never remembered`, async (t) => {
    const { maas, get } = await start(t);
    for (const _ of [1, 2]) assert.equal((await get(path)).headers['etag'], undefined);
    assert.equal(maas.received.length, 2);
  });
}

for (const [what, headers] of [
  ['Cache-Control: no-cache', { 'Cache-Control': 'no-cache' }],
  ['Cache-Control: max-age=0', { 'Cache-Control': 'max-age=0' }],
  ['Pragma: no-cache', { Pragma: 'no-cache' }],
] as const) {
  test(`a client's "${what}" asks MAAS anew, and later reads get what it got`, async (t) => {
    const { get } = await start(t);
    await get('/zones/');
    assert.equal((await get('/zones/', headers)).body.toString(), 'answer 2');
    assert.equal((await get('/zones/')).body.toString(), 'answer 2');
  });
}

test('a client\'s "Cache-Control: no-store" asks MAAS anew, and leaves nothing behind', async (t) => {
  const { get } = await start(t);
  await get('/zones/');
  assert.equal((await get('/zones/', { 'Cache-Control': 'no-store' })).body.toString(), 'answer 2');
  assert.equal((await get('/zones/')).body.toString(), 'answer 1');
});

test('If-None-Match with the ETag of the answer is 304, from memory and from MAAS, and never reaches MAAS', async (t) => {
  const { maas, get, change } = await start(t, [], (response) =>
    response.writeHead(200, { 'Content-Type': 'application/json', 'X-MAAS-API-Hash': 'abc' }).end('{"a": 1}'),
  );
  const etag = String((await get('/zones/')).headers['etag']);
  assert.match(etag, /^W\/"[\w-]{22}"$/);
  for (const condition of [etag, etag.slice(2), `"other", ${etag}`, '*']) {
    const reply = await get('/zones/', { 'If-None-Match': condition });
    assert.equal(reply.status, 304);
    assert.equal(reply.body.length, 0);
    assert.equal(reply.headers['etag'], etag);
    assert.equal(reply.headers['content-length'], undefined);
    assert.match(String(reply.headers['cache-status']), /; hit;/);
  }
  assert.equal((await get('/zones/', { 'If-None-Match': '"other"' })).status, 200);
  assert.equal(maas.received.length, 1);
  await change('POST', '/tags/');
  const again = await get('/zones/', { 'If-None-Match': etag });
  assert.equal(again.status, 304);
  assert.equal(again.headers['cache-status'], undefined);
  assert.equal(maas.received.length, 3);
  for (const { headers } of maas.received) assert.equal(headers['if-none-match'], undefined);
});

test('an answer that changes has another ETag, and is sent whole', async (t) => {
  const { get, change } = await start(t);
  const { headers } = await get('/zones/');
  await change('POST', '/zones/');
  const reply = await get('/zones/', { 'If-None-Match': String(headers['etag']) });
  assert.equal(reply.status, 200);
  assert.equal(reply.body.toString(), 'answer 3');
  assert.notEqual(reply.headers['etag'], headers['etag']);
});

test('after a write that broke off nothing is remembered, since MAAS may yet carry it out', async (t) => {
  const maas = await startOrigin(t, (request, response) => {
    if (request.method === 'POST') request.socket.resetAndDestroy();
    else response.end('x');
  });
  const proxy = await startTestProxy(t, maas.url, { flags: ['--cache-ttl', '3600'] });
  assert.equal((await send(`${proxy.url}/zones/`, { method: 'POST', body: 'a=b' })).status, 502);
  for (const _ of [1, 2, 3]) assert.equal((await send(`${proxy.url}/zones/`)).headers['cache-status'], undefined);
  assert.equal(maas.received.length, 4);
});

test('after a write that MAAS has refused, or has never seen, reads are remembered', async (t) => {
  let port = 0;
  const maas = await startOrigin(t, (request, response) => {
    if (request.method === 'POST') response.writeHead(401).end('Authorization Error: Invalid API key.');
    else response.end('x');
  });
  port = Number(new URL(maas.url).port);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--cache-ttl', '3600'] });
  assert.equal((await send(`${proxy.url}/zones/`, { method: 'POST', body: 'a=b' })).status, 401);
  await send(`${proxy.url}/zones/`);
  assert.match(String((await send(`${proxy.url}/zones/`)).headers['cache-status']), /hit/);

  maas.server.close();
  maas.server.closeAllConnections();
  await until(() => !maas.server.listening, 'the end of MAAS');
  // A read is sent again, and so leaves no connection on which a write could seem to have reached MAAS.
  assert.equal((await send(`${proxy.url}/users/`)).status, 502);
  assert.equal((await send(`${proxy.url}/zones/`, { method: 'POST', body: 'a=b' })).status, 502);
  await new Promise<void>((resolve) => maas.server.listen(port, '127.0.0.1', resolve));
  await send(`${proxy.url}/zones/`);
  assert.match(String((await send(`${proxy.url}/zones/`)).headers['cache-status']), /hit/);
});

test('after a write whose outcome is unknown, answers are kept again once MAAS has surely given it up', () => {
  let now = 0;
  const lines = createWriteEpoch(() => now);
  lines.onWriteStart();
  assert.equal(lines.hasNoWritesInFlight, false);
  lines.onWriteEnd(false);
  now = 899_999;
  assert.equal(lines.hasNoWritesInFlight, false);
  now = 900_000;
  assert.equal(lines.hasNoWritesInFlight, true);
  lines.onWriteStart();
  lines.onWriteEnd(true);
  assert.equal(lines.hasNoWritesInFlight, true);
});

test('a client that does not read an answer from memory holds up no other, and gets it when it reads', async (t) => {
  const body = Buffer.alloc(8 * 1024 * 1024, 'xyz');
  const maas = await startOrigin(t, (_request, response) => response.end(body));
  const proxy = await startTestProxy(t, maas.url, { flags: ['--cache-ttl', '3600'] });
  const headers = { Host: 'localhost' };
  await send(`${proxy.url}/zones/`, { headers });
  const slow = await connectRaw(t, proxy.url);
  slow.socket.pause();
  slow.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  const reply = await send(`${proxy.url}/zones/`, { headers });
  assert.match(String(reply.headers['cache-status']), /hit/);
  assert.ok(reply.body.equals(body));
  slow.socket.resume();
  await slow.closed;
  assert.ok(slow.text().length > body.length);
  assert.equal(maas.received.length, 1);
});

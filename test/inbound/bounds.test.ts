import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { detachedBody } from '../../src/http/detached-body.ts';
import { unidentified } from '../../src/clients/identity.ts';
import { beginExchange } from '../../src/exchange.ts';
import { createFairBudget } from '../../src/limits/fair-budget.ts';
import { createBodyBuffer } from '../../src/inbound/buffered-body.ts';
import type { Problem } from '../../src/problem.ts';
import { readBody } from '../../src/http/read-body.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, sendRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

async function start(t: TestContext): Promise<{ origin: Origin; proxy: TestProxy }> {
  const origin = await startOrigin(t);
  return { origin, proxy: await startTestProxy(t, origin.url) };
}

/** Node's server inside a proxy, whose bounds a test can shorten: those of the program are too long to wait for. */
async function serverOf(proxy: TestProxy): Promise<Server> {
  const servers: Server[] = [];
  const onRequest = (message: unknown): void => {
    const { server } = message as { server: Server };
    if (String((server.address() as AddressInfo).port) === new URL(proxy.url).port) servers.push(server);
  };
  subscribe('http.server.request.start', onRequest);
  await send(`${proxy.url}/MAAS/`);
  unsubscribe('http.server.request.start', onRequest);
  return servers[0] ?? assert.fail('no server');
}

for (const [what, bytes] of [
  ['sends a header line now and then', 'GET /zones/ HTTP/1.1\r\nHost: localhost\r\n'],
  ['sends half a request line', 'GET /zo'],
  ['connects and says nothing', ''],
] as const) {
  test(`a client that ${what} gets a 408 and is closed`, { timeout: 60_000 }, async (t) => {
    const { origin, proxy } = await start(t);
    const server = await serverOf(proxy);
    assert.equal(server.headersTimeout, 30_000);
    server.headersTimeout = 200;
    const { socket, text, closed } = await connectRaw(t, proxy.url);
    socket.write(bytes);
    // Node looks every 5 s.
    assert.equal(await closed, 'closed');
    assert.match(text(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(text(), /\r\nProxy-Status: maas-auth-proxy; error=http_request_error\r\n/);
    assert.match(text(), /"code":"request-timeout"/);
    assert.equal(origin.received.length, 0);
    assert.deepEqual(
      proxy.log.filter(({ status }) => status === 408).map((line) => line['code']),
      ['request-timeout'],
    );
  });
}

test('a slow head does not cost a client its time for the answer', { timeout: 60_000 }, async (t) => {
  const maas = await startSimulator({ machines: 1, delays: { 'GET /zones/': 6_000 } });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey });
  (await serverOf(proxy)).headersTimeout = 200;
  assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
});

test('a connection that is idle after an answer is closed after a while', async (t) => {
  const { proxy } = await start(t);
  const server = await serverOf(proxy);
  // Longer than the 60 s of common load balancers, which must be the ones that close.
  assert.equal(server.keepAliveTimeout, 72_000);
  server.keepAliveTimeout = 100;
  const { socket, received, closed } = await connectRaw(t, proxy.url);
  socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await received(/ok$/);
  assert.equal(await closed, 'closed');
});

test('more connections than the bound are closed at once, and the others go on', async (t) => {
  const { proxy } = await start(t);
  const server = await serverOf(proxy);
  assert.equal(server.maxConnections, 10_000);
  server.maxConnections = 2;
  const first = await connectRaw(t, proxy.url);
  await connectRaw(t, proxy.url);
  const third = await connectRaw(t, proxy.url);
  await third.closed;
  assert.equal(third.text(), '');
  first.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await first.received(/^HTTP\/1\.1 200 [^]*ok$/);
});

test('an address of 60 KiB passes', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const proxy = await startTestProxy(t, maas.url);
  const ids = Array.from({ length: 6_000 }, (_, index) => `id=m${String(index).padStart(5, '0')}`).join('&');
  assert.equal((await send(`${proxy.url}/machines/?${ids}`)).status, 200);
  assert.ok(maas.connections[0]?.text().startsWith(`GET /MAAS/api/2.0/machines/?${ids} HTTP/1.1\r\n`));
});

for (const [what, fields] of [
  ['headers of 60 KiB', Array.from({ length: 60 }, (_, index) => `X${index}: ${'x'.repeat(1000)}\r\n`)],
  ['3000 small header fields', Array.from({ length: 3000 }, (_, index) => `X${index}: 1\r\n`)],
] as const) {
  test(`${what} pass, none left out`, async (t) => {
    const maas = await startRawMaas(t, ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const proxy = await startTestProxy(t, maas.url);
    const request = `GET /zones/ HTTP/1.1\r\nHost: localhost\r\n${fields.join('')}Connection: close\r\n\r\n`;
    assert.match((await sendRaw(t, proxy.url, request)).head, /^HTTP\/1\.1 200 /);
    assert.ok(maas.connections[0]?.text().includes(fields.join('')));
  });
}

for (const [what, request, status, code] of [
  [
    'an address above 64 KiB',
    `GET /machines/?id=${'x'.repeat(70_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    414,
    'target-too-long',
  ],
  [
    'headers above 64 KiB',
    `GET /zones/ HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(70_000)}\r\n\r\n`,
    431,
    'headers-too-large',
  ],
  [
    'headers without end',
    `GET /zones/ HTTP/1.1\r\nHost: localhost\r\n${`X-Long: ${'x'.repeat(1000)}\r\n`.repeat(300)}`,
    431,
    'headers-too-large',
  ],
] as const) {
  test(`${what} gets a ${status} with a sentence`, async (t) => {
    const { origin, proxy } = await start(t);
    const { head, body } = await sendRaw(t, proxy.url, request);
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(body, new RegExp(`64 KiB.*"code":"${code}"`));
    assert.equal(origin.received.length, 0);
  });
}

test('headers of 60 KiB in an answer pass', async (t) => {
  const long = 'x'.repeat(60_000);
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nX-Long: ${long}\r\nContent-Length: 2\r\n\r\nok`);
  });
  const proxy = await startTestProxy(t, maas.url);
  const { head } = await sendRaw(t, proxy.url, 'GET /zones/ HTTP/1.0\r\nHost: localhost\r\n\r\n');
  assert.ok(head.includes(`\r\nX-Long: ${long}\r\n`));
});

for (const [what, framing] of [
  ['of known length', 'Content-Length: 100000\r\n\r\nabc'],
  ['small, of known length', 'Content-Length: 1000\r\n\r\nabc'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
] as const) {
  test(`a body that stops for a minute gets a 408, and MAAS is left (${what})`, async (t) => {
    const maas = await startRawMaas(t, () => {});
    const proxy = await startTestProxy(t, maas.url);
    const client = await connectRaw(t, proxy.url);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    client.socket.write(`POST /files/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n${framing}`);
    // The head has been read, so that the body is waited for.
    await client.received(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    if (what === 'of known length') while (maas.connections[0]?.text().endsWith('abc') !== true) await tick();
    t.mock.timers.tick(59_000);
    await tick();
    assert.equal(client.text(), 'HTTP/1.1 100 Continue\r\n\r\n');
    t.mock.timers.tick(1_000);
    await client.received(/"code":"request-timeout"/);
    t.mock.timers.tick(5_000); // for which the proxy reads what may still come
    assert.equal(await client.closed, 'closed');
    assert.match(client.text(), /HTTP\/1\.1 408 [^]*\r\nConnection: close\r\n[^]*has come for 60 seconds/);
    await maas.connections[0]?.closed;
    t.mock.timers.reset();
  });
}

for (const kind of ['held', 'streamed'] as const) {
  test(`a body that never stops coming, and never ends, is given up after a time (${kind})`, async (t) => {
    // The program's own ten minutes are too long to wait for.
    const patience = { pause: 60_000, total: 100 };
    const { server, url } = await startOrigin(t);
    const arrived = once(server.removeAllListeners('request'), 'request') as Promise<[IncomingMessage]>;
    const { socket } = await connectRaw(t, url);
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n');
    const [request] = await arrived;
    const trickle = setInterval(() => socket.write('x'), 5);
    t.after(() => clearInterval(trickle));
    const read =
      kind === 'held'
        ? readBody(request, 2e6, () => undefined, patience)
        : buffer(detachedBody(request, patience)).then((whole) => [whole]);
    await assert.rejects(read, {
      code: 'request-timeout',
      message: /^The body has not arrived whole within 10 minutes/,
    });
  });
}

test('a client that reads nothing of its answer for five minutes is cut, and MAAS is left', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey });
  const client = await connectRaw(t, proxy.url);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  client.socket.write('GET /files/?op=get&filename=sim-512MiB.bin HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(client.socket, 'data');
  client.socket.pause();
  // The time begins when the client's window is full; time that passes before that does not count.
  while (maas.received[0]?.aborted !== true) {
    t.mock.timers.tick(100_000);
    for (let turn = 0; turn < 100; turn += 1) await tick();
  }
  t.mock.timers.reset();
  await until(() => proxy.log.some(({ status }) => status === 499), 'the line with 499');
});

test('of a very long address the log has the beginning', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/zones/?${'n'.repeat(30_000)}=1`);
  await until(() => proxy.log.some(({ msg }) => msg === 'request'), 'the line of the request');
  const { path } = proxy.log.find(({ msg }) => msg === 'request') as { path: string };
  assert.equal(path.length, 2_049);
  assert.match(path, /^\/zones\/\?n+…$/);
});

/** Lets the event loop go round once, whatever a test makes of the timers. */
function tick(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

test('whoever pipelines 100 requests gets all answers in order; who goes on and on is cut off, and nothing of it is sent', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url?.includes('held') !== true) response.end(request.url);
  });
  const proxy = await startTestProxy(t, origin.url);
  const polite = await connectRaw(t, proxy.url);
  polite.socket.write(Array.from({ length: 100 }, (_, index) => get(`/zones/?n=${index}`)).join(''));
  await polite.received(/n=99$/);
  assert.deepEqual(
    [...polite.text().matchAll(/\?n=(\d+)(?=HTTP|$)/g)].map(([, index]) => Number(index)),
    Array.from({ length: 100 }, (_, index) => index),
  );

  const flood = await connectRaw(t, proxy.url);
  flood.socket.write(get('/zones/?held') + get('/zones/?flood').repeat(2_000));
  await flood.closed;
  await until(() => proxy.log.some(({ path }) => path === '/zones/?held'), 'the record of the request that was held');
  assert.equal((await send(`${proxy.url}/zones/?after`)).status, 200);
  assert.deepEqual(
    origin.received.map(({ target }) => target.split('?')[1]).filter((query) => query?.startsWith('n=') === false),
    ['held', 'after'],
  );
});

test('a client may hold as much memory by its bodies as it leaves to others, small ones apart; there is room again when a request is over', async (t) => {
  const wholeBody = createBodyBuffer({ all: 240_000, small: 1_000 });
  const read: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const [, name, peer] = (request.url ?? '').split('/');
    const exchange = beginExchange('id', request, response, request.url ?? '');
    wholeBody({ ...exchange, peer: peer?.replaceAll('-', ':') }, unidentified).then(
      () => void (name === 'held' ? read.push(request) : response.end('read')),
      (problem: Problem) => response.writeHead(problem.status).end(problem.message),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = (bytes: number, peer: string) =>
    send(`${url}/read/${peer}`, { method: 'POST', body: Buffer.alloc(bytes) });

  // Of 180,000 bytes for large ones.
  const holder = await connectRaw(t, url);
  holder.socket.write(
    `POST /held/2001-db8--1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`,
  );
  await until(() => read.length === 1, 'a body that is held');
  assert.equal((await post(25_000, '2001-db8--1')).status, 200);
  assert.equal((await post(25_000, '2001-db8--1')).status, 200);
  for (const address of ['2001-db8--1', '2001-db8--2-3']) {
    const refused = await post(40_000, address);
    assert.equal(refused.status, 503, `one of the same network, ${address}`);
    assert.match(refused.body.toString(), /already holds as much of this client's request bodies/);
    assert.equal((await post(1_000, address)).status, 200);
  }
  for (const address of ['2001-db8-0-1--1', '192.0.2.1']) assert.equal((await post(50_000, address)).status, 200);
  assert.equal((await post(70_000, '192.0.2.1')).status, 503);
  holder.socket.destroy();
  await until(() => read[0]?.destroyed === true, 'the end of the request that held a body');
  assert.equal((await post(70_000, '2001-db8--1')).status, 200);
});

test('one client leaves as much budget as it takes, and two leave a third', () => {
  const budget = createFairBudget(100);
  const takes = Array.from({ length: 100 }, () => budget.acquire('crowd', 1)).filter(Boolean).length;
  assert.equal(takes, 50);
  assert.equal(budget.acquire('other', 25), true);
  assert.equal(budget.acquire('other', 1), false);
  assert.equal(budget.acquire('third', 12), true);
  budget.release('crowd', 50);
  assert.equal(budget.acquire('other', 5), true);
});

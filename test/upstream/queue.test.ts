// The line in front of MAAS as clients see it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { breakBody } from '../../src/http/request-body.ts';
import { detachedBody } from '../../src/http/detached-body.ts';
import { Problem } from '../../src/problem.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { createDice } from '../support/dice.ts';
import { startFaultyMaas } from '../support/faulty-maas.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

/** A MAAS that answers when it is told to. What the proxy asks for itself it answers at once. */
interface HeldMaas extends Origin {
  /** The requests that are not answered, in the order in which they came, by the path below the API's root. */
  readonly held: { readonly path: string; readonly response: ServerResponse }[];
  peak(): number;
  /** Answers the first of them. */
  answerFirst(status?: number, headers?: Record<string, string>): void;
}

async function startHeldMaas(t: TestContext): Promise<HeldMaas> {
  const held: HeldMaas['held'] = [];
  let peak = 0;
  const origin = await startOrigin(t, ({ url = '' }, response) => {
    if (url.includes('/version/')) response.end('{"version": "3.7.3"}');
    else if (url.includes('op=whoami')) response.end('{"username": "admin", "is_superuser": true}');
    else {
      held.push({ path: url.slice('/MAAS/api/2.0'.length), response });
      peak = Math.max(peak, held.length);
      response.once('close', () => {
        const at = held.findIndex((one) => one.response === response);
        if (at !== -1) held.splice(at, 1);
      });
    }
  });
  return {
    ...origin,
    held,
    peak: () => peak,
    answerFirst(status = 200, headers = {}) {
      held.shift()?.response.writeHead(status, headers).end('ok');
    },
  };
}

async function start(t: TestContext, places: number): Promise<{ maas: HeldMaas; proxy: TestProxy }> {
  const maas = await startHeldMaas(t);
  return {
    maas,
    proxy: await startTestProxy(t, maas.url, { flags: ['--max-upstream', String(places), '--no-coalesce'] }),
  };
}

/** Requests of a client with an address of its own, which the connection is made from. */
function ask(url: string, from: string, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, localAddress: from, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject).end();
  });
}

const flooder = '127.0.0.2';
const other = '127.0.0.3';

for (const method of ['GET', 'POST']) {
  test(`while one client has 200 requests (${method}) under way, another's single one waits no more than two turns`, async (t) => {
    const { maas, proxy } = await start(t, 16);
    const flood = Array.from({ length: 200 }, (_, index) => ask(`${proxy.url}/zones/?n=${index}`, flooder, method));
    const places = method === 'GET' ? 16 : 12;
    await until(() => maas.held.length === places && proxy.upstream.queue.queued === 200 - places, 'the flood');
    const single = ask(`${proxy.url}/tags/`, other, method);
    await until(() => proxy.upstream.queue.queued === 201 - places, 'the single request');
    // Unless, for a read, a place was kept.
    const isThere = (): boolean => maas.held.some(({ path }) => path.startsWith('/tags/'));
    let turns = 0;
    for (; !isThere(); turns += 1) {
      const { length } = maas.received;
      maas.answerFirst();
      await until(() => maas.received.length > length, 'the next one');
    }
    assert.ok(turns <= 2, `${turns} turns`);
    const answering = setInterval(() => maas.answerFirst(), 0);
    t.after(() => clearInterval(answering));
    assert.deepEqual(new Set(await Promise.all([...flood, single])), new Set([200]));
    assert.equal(maas.peak(), places);
    assert.deepEqual([proxy.upstream.queue.inFlight, proxy.upstream.queue.queued], [0, 0]);
  });
}

test('who asks what a flooding client has asked too, at the end of its line, waits no more than two turns', async (t) => {
  const maas = await startHeldMaas(t);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--max-upstream', '1'] });
  const flood = Array.from({ length: 50 }, (_, index) => ask(`${proxy.url}/zones/?n=${index}`, flooder));
  await until(() => proxy.upstream.queue.queued === 49, 'the flood');
  const last = ask(`${proxy.url}/machines/`, flooder);
  await until(() => proxy.upstream.queue.queued === 50, 'its last request');
  const { socket, received } = await connectRaw(t, proxy.url);
  socket.write(`GET /machines/ HTTP/1.1\r\nHost: ${new URL(proxy.url).host}\r\n\r\n`);
  // Nothing tells that it has joined, but that what is sent after it has come.
  const behind = ask(`${proxy.url}/tags/`, other);
  await until(() => proxy.upstream.queue.queued === 51, 'one more behind it');
  const before = maas.received.length;
  for (let turns = 0; turns < 3; turns += 1) {
    const { length } = maas.received;
    maas.answerFirst();
    await until(() => maas.received.length > length, 'the next one');
  }
  assert.ok(
    maas.received.slice(before, before + 2).some(({ target }) => target.endsWith('/machines/')),
    'the two turns were of others',
  );
  const answering = setInterval(() => maas.answerFirst(), 0);
  t.after(() => clearInterval(answering));
  assert.deepEqual(new Set(await Promise.all([...flood, last, behind])), new Set([200]));
  await received(/^HTTP\/1\.1 200 OK[^]*Cache-Status: maas-auth-proxy; fwd=miss; collapsed/);
  assert.equal(maas.received.filter(({ target }) => target.endsWith('/machines/')).length, 1);
  assert.deepEqual([proxy.upstream.queue.inFlight, proxy.upstream.queue.queued], [0, 0]);
});

test('writes and uploads of one client leave a quarter of the places to reads', async (t) => {
  const { maas, proxy } = await start(t, 4);
  const writes = ['POST', 'PUT', 'DELETE', 'POST', 'POST'].map((method) => ask(`${proxy.url}/zones/`, flooder, method));
  await until(() => maas.held.length === 3 && proxy.upstream.queue.queued === 2, 'the writes');
  const read = ask(`${proxy.url}/machines/`, flooder);
  await until(() => maas.held.length === 4, 'the read');
  const slow = ask(`${proxy.url}/machines/abc/?op=query_power_state`, flooder);
  await until(() => proxy.upstream.queue.queued === 3, 'the slow read');
  const answering = setInterval(() => maas.answerFirst(), 0);
  t.after(() => clearInterval(answering));
  assert.deepEqual(new Set(await Promise.all([...writes, read, slow])), new Set([200]));
});

test('a request that waits to be sent again gives its place to others', async (t) => {
  const { maas, proxy } = await start(t, 1);
  const first = ask(`${proxy.url}/zones/`, other);
  await until(() => maas.held.length === 1, 'the first');
  maas.answerFirst(503, { 'Retry-After': '1' });
  const second = ask(`${proxy.url}/tags/`, other);
  await until(() => maas.held[0]?.path === '/tags/', 'the second, before the first comes again');
  maas.answerFirst();
  assert.equal(await second, 200);
  await until(() => maas.held[0]?.path === '/zones/', 'the first again');
  maas.answerFirst();
  assert.equal(await first, 200);
});

test('a client that leaves while it waits is not asked for at MAAS', async (t) => {
  const { maas, proxy } = await start(t, 1);
  const first = ask(`${proxy.url}/zones/`, other);
  await until(() => maas.held.length === 1, 'the first');
  const { socket } = await connectRaw(t, proxy.url);
  socket.write('GET /tags/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => proxy.upstream.queue.queued === 1, 'the second in line');
  const third = ask(`${proxy.url}/machines/`, other);
  await until(() => proxy.upstream.queue.queued === 2, 'the third in line');
  socket.destroy();
  await until(() => proxy.upstream.queue.queued === 1, 'the second out of line');
  maas.answerFirst();
  await until(() => maas.held.length === 1, 'the third');
  maas.answerFirst();
  assert.deepEqual(await Promise.all([first, third]), [200, 200]);
  assert.deepEqual(
    maas.received.map(({ target }) => target).filter((target) => target.includes('tags')),
    [],
  );
  await until(() => proxy.log.some(({ status }) => status === 499), 'the line with 499');
});

for (const [what, part, length] of [
  ['whose body is there', 'name=x', 6],
  ['in the middle of its body', 'na', 100_000],
] as const) {
  test(`a writer that leaves while it waits, ${what}, harms nobody, and nothing of it is sent`, async (t) => {
    const { maas, proxy } = await start(t, 1);
    const first = ask(`${proxy.url}/zones/`, other);
    await until(() => maas.held.length === 1, 'the first');
    const { socket } = await connectRaw(t, proxy.url);
    socket.write(`POST /tags/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n${part}`);
    await until(() => proxy.upstream.queue.queued === 1, 'the write in line');
    socket.destroy();
    await until(() => proxy.upstream.queue.queued === 0, 'the write out of line');
    maas.answerFirst();
    assert.equal(await first, 200);
    assert.equal(maas.received.filter(({ method }) => method === 'POST').length, 0);
    assert.equal(proxy.upstream.queue.inFlight, 0);
  });
}

test('clients that send their bodies slowly do not keep others from writing', { timeout: 60_000 }, async (t) => {
  const { maas, proxy } = await start(t, 16);
  const answering = setInterval(() => maas.answerFirst(), 1);
  t.after(() => clearInterval(answering));
  // Small ones have no place at MAAS before they are there.
  for (let count = 0; count < 40; count += 1) {
    const { socket } = await connectRaw(t, proxy.url);
    socket.write('POST /tags/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nx');
  }
  assert.equal(await ask(`${proxy.url}/zones/`, other, 'POST'), 200);
  assert.equal(proxy.upstream.queue.queued, 0);
  const slow = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const connection = await connectRaw(t, proxy.url);
      connection.socket.write('POST /files/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx');
      return connection;
    }),
  );
  await until(() => proxy.upstream.queue.inFlight === 6 && proxy.upstream.queue.queued === 6, 'the slow senders');
  assert.equal(await ask(`${proxy.url}/zones/`, other, 'POST'), 200);
  await slow[0]?.received(/^HTTP\/1\.1 408 [^]*less than 1 KiB a second while others waited/);
});

test('a write that waited arrives whole, in however many pieces it came', async (t) => {
  const { maas, proxy } = await start(t, 1);
  const first = ask(`${proxy.url}/zones/`, other);
  await until(() => maas.held.length === 1, 'the first');
  const body = Buffer.alloc(3_000_000, 'abcdefg');
  const write = send(`${proxy.url}/files/`, { method: 'POST', body });
  await until(() => proxy.upstream.queue.queued === 1, 'the write in line');
  maas.answerFirst();
  await until(() => maas.held.length === 1, 'the write');
  maas.answerFirst();
  assert.equal(await first, 200);
  assert.equal((await write).status, 200);
  assert.ok(maas.received.at(-1)?.body.equals(body));
});

test('whoever comes when 1,000 wait is told to come again', async (t) => {
  const { maas, proxy } = await start(t, 1);
  const connections = Array.from({ length: 1_001 }, async () => {
    const connection = await connectRaw(t, proxy.url);
    connection.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
  await Promise.all(connections);
  await until(() => maas.held.length === 1 && proxy.upstream.queue.queued === 1_000, 'the full line');
  const { status, headers, json } = await send(`${proxy.url}/tags/`);
  assert.equal(status, 503);
  assert.equal(headers['retry-after'], '5');
  assert.match(String(headers['proxy-status']), /error=connection_limit_reached/);
  assert.equal(json()['code'], 'maas-busy');
  assert.equal(proxy.upstream.queue.queued, 1_000);
});

test('/readyz is answered while MAAS is flooded', async (t) => {
  const { maas, proxy } = await start(t, 1);
  const flood = Array.from({ length: 20 }, () => ask(`${proxy.url}/zones/`, flooder));
  await until(() => maas.held.length === 1 && proxy.upstream.queue.queued === 19, 'the flood');
  assert.equal((await send(`${proxy.adminUrl}/readyz`)).status, 200);
  const answering = setInterval(() => maas.answerFirst(), 0);
  t.after(() => clearInterval(answering));
  await Promise.all(flood);
});

test('the requests that wait are answered when the proxy stops, and none is left', async (t) => {
  const { maas, proxy } = await start(t, 1);
  const flood = Array.from({ length: 5 }, () => ask(`${proxy.url}/zones/`, flooder));
  await until(() => proxy.upstream.queue.queued === 4, 'the line');
  const stopped = proxy.stop();
  const answering = setInterval(() => maas.answerFirst(), 0);
  t.after(() => clearInterval(answering));
  assert.deepEqual(await Promise.all(flood), [200, 200, 200, 200, 200]);
  assert.equal(await stopped, 0);
});

test('600 requests of clients that leave at any moment, to a MAAS that fails at any moment, cost no place', async (t) => {
  const maas = await startFaultyMaas(t, 7);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--max-upstream', '3'] });
  const dice = createDice(11);
  let most = 0;
  async function client(name: number): Promise<void> {
    for (let count = 0; count < 30; count += 1) {
      const isRead = dice() < 0.6;
      const body = isRead ? undefined : Buffer.alloc(Math.floor(dice() * 400_000), 'x');
      const headers = {
        'X-Soak-Id': `${name}-${count}`,
        'X-Soak-Size': String(Math.floor(dice() ** 3 * 800_000)),
        ...(dice() < 0.05 && { 'X-Soak-Hold': 'yes' }),
      };
      const sent = request(`${proxy.url}/files/?n=${name}-${count}`, {
        method: isRead ? 'GET' : 'POST',
        headers,
        agent: false,
      });
      // Held ones are never answered, so their clients must leave.
      if (dice() < 0.3 || headers['X-Soak-Hold'] !== undefined) setTimeout(() => sent.destroy(), dice() * 40);
      sent.on('response', (answer) => answer.on('error', () => {}).resume());
      sent.on('error', () => {}).end(body);
      await new Promise((resolve) => sent.once('close', resolve));
      most = Math.max(most, proxy.upstream.queue.inFlight);
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, name) => client(name)));
  await until(() => proxy.upstream.queue.queued === 0 && proxy.upstream.queue.inFlight === 0, 'all places free');
  assert.ok(most > 0 && most <= 3, `${most} at once`);
  assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  assert.equal(proxy.log.filter(({ code }) => code === 'internal-error').length, 0);
});

test('a body that breaks while its request waits, and nobody reads it, ends nothing but that request', async (t) => {
  const { server, url } = await startOrigin(t);
  const arrived = once(server.removeAllListeners('request'), 'request') as Promise<[IncomingMessage]>;
  const { socket } = await connectRaw(t, url);
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nna');
  const [incoming] = await arrived;
  const body = detachedBody(incoming);
  breakBody(incoming);
  // An error that nobody listens to would end the test here.
  await new Promise((resolve) => void setImmediate(resolve));
  assert.ok(body.errored instanceof Problem);
});

// Fastify, @fastify/http-proxy, @fastify/reply-from, undici and Node have defaults that hurt a proxy of MAAS. Each test here
// is one that was seen (fastify 5.12, http-proxy 11.6, reply-from 12.6, undici 7.30), and fails when it comes back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { settings } from '../../src/config/settings.ts';
import { makeAuthority } from '../support/certificates.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, sendRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

async function start(t: TestContext): Promise<{ origin: Origin; proxy: TestProxy }> {
  const origin = await startOrigin(t);
  return { origin, proxy: await startTestProxy(t, origin.url) };
}

// reply-from sets `rejectUnauthorized ||= false`, and giving `ca` alone still verifies nothing.
test('an impostor with a certificate of its own never sees the key, with --ca-file or without', async (t) => {
  const impostor = await (await makeAuthority(t, 'Impostor')).issue('IP:127.0.0.1');
  let seen = 0;
  const server = createHttps(impostor, (_request, response) => {
    seen += 1;
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const flags of [[], ['--ca-file', (await makeAuthority(t)).certFile]]) {
    const proxy = await startTestProxy(t, url, { flags });
    assert.equal((await send(`${proxy.url}/users/`)).status, 502);
  }
  assert.equal(seen, 0);
});

// reply-from repeats it 10 times, with the headers of the first time: one nonce. `Retry-After` seconds become milliseconds.
test('a GET that is answered 503 is not repeated behind the back, and each repetition has a nonce of its own', async (t) => {
  for (const [headers, count] of [
    [{}, 1],
    [{ 'Retry-After': '0' }, 3],
  ] as const) {
    const origin = await startOrigin(t, (_request, response) => response.writeHead(503, headers).end('busy'));
    const proxy = await startTestProxy(t, origin.url);
    assert.equal((await send(`${proxy.url}/zones/`)).status, 503);
    const nonces = origin.received.map((one) => /oauth_nonce="(\w+)"/.exec(one.headers.authorization ?? '')?.[1]);
    assert.equal(nonces.length, count);
    assert.equal(new Set(nonces).size, count);
  }
});

// undici refuses the header: a 500 after the 100.
test("curl's Expect: 100-continue does not fail an upload", async (t) => {
  const { origin, proxy } = await start(t);
  const body = Buffer.alloc(3_000_000, 1);
  const headers = { Expect: '100-continue', 'Content-Length': String(body.length) };
  assert.equal((await send(`${proxy.url}/files/`, { method: 'POST', headers, body })).status, 200);
  assert.equal(origin.received[0]?.body.length, body.length);
});

// undici refuses both: a 500.
test('a Keep-Alive or Upgrade header that Connection does not name does not fail a request', async (t) => {
  const { proxy } = await start(t);
  for (const header of ['Keep-Alive: timeout=5', 'Upgrade: h2c']) {
    const request = `GET /zones/ HTTP/1.1\r\nHost: localhost\r\n${header}\r\nConnection: close\r\n\r\n`;
    assert.match((await sendRaw(t, proxy.url, request)).head, /^HTTP\/1\.1 200 /, header);
  }
});

// All of them are forwarded.
test("the client's TE, Trailer, Proxy-*, cookies and Authorization do not reach MAAS", async (t) => {
  const { origin, proxy } = await start(t);
  const names = ['TE', 'Trailer', 'Proxy-Authorization', 'Proxy-Connection', 'Cookie', 'Authorization'];
  const fields = names.map((name) => `${name}: of-the-client\r\n`).join('');
  await sendRaw(t, proxy.url, `GET /zones/ HTTP/1.1\r\nHost: localhost\r\n${fields}Connection: close\r\n\r\n`);
  assert.doesNotMatch(origin.received[0]?.rawHeaders.join('\n') ?? assert.fail(), /of-the-client/);
});

// All of them are copied, and MAAS's `keep-alive` overrides the `close` that the client has asked for.
test(
  "hop-by-hop headers of MAAS's answer do not reach the client, which gets the close it asked for",
  { timeout: 30_000 },
  async (t) => {
    const origin = await startOrigin(t, (_request, response) => {
      response.writeHead(200, {
        Connection: 'keep-alive, X-Hop',
        'Keep-Alive': 'timeout=65',
        'X-Hop': '1',
        Upgrade: 'h2c',
      });
      response.end('ok');
    });
    const proxy = await startTestProxy(t, origin.url);
    const { head } = await sendRaw(
      t,
      proxy.url,
      'GET /zones/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    assert.doesNotMatch(head, /^(?:keep-alive|x-hop|upgrade):|^connection: (?!close)/im);
  },
);

// A 500 with the library's words and the address.
test('a MAAS that is not there is a 502 in our words', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  origin.server.close();
  await once(origin.server, 'close');
  const reply = await send(`${proxy.url}/zones/`);
  assert.equal(reply.status, 502);
  assert.equal(reply.headers['content-type'], 'application/problem+json');
  assert.doesNotMatch(reply.body.toString(), /ECONNREFUSED|127\.0\.0\.1/);
});

// The request goes on.
test('MAAS is told when the client goes away', { timeout: 30_000 }, async (t) => {
  const maas = await startRawMaas(t, () => {});
  const proxy = await startTestProxy(t, maas.url);
  const { socket } = await connectRaw(t, proxy.url);
  socket.write('POST /zones/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na');
  await until(() => maas.connections[0]?.text().endsWith('\r\n\r\na') === true, 'the request at MAAS');
  socket.destroy();
  await maas.connections[0]?.closed;
});

// A 500 for 5 of 150 requests.
test('a connection that MAAS has closed while it was idle does not fail the next GET', async (t) => {
  const maas = await startRawMaas(t, ({ socket, text }) => {
    // The first request of each connection is answered; at the second one it turns out to be closed.
    if (text().split('\r\n\r\n').length > 2) socket.destroy();
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const proxy = await startTestProxy(t, maas.url);
  for (let round = 0; round < 5; round += 1) assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
});

// Fastify decodes `text/plain`, refuses it above 1 MiB (413), and a type that it cannot read at all (415).
test('a body of text in any charset passes, however long, and so does one of a type that makes no sense', async (t) => {
  const { origin, proxy } = await start(t);
  const body = Buffer.alloc(2_000_000, 0xe9);
  for (const type of ['text/plain; charset=latin1', 'text/plain', 'nonsense', 'application/json; charset=']) {
    const headers = { 'Content-Type': type, 'Content-Length': String(body.length) };
    assert.equal((await send(`${proxy.url}/files/`, { method: 'PUT', headers, body })).status, 200, type);
    const arrived = origin.received.at(-1) ?? assert.fail();
    assert.equal(arrived.headers['content-type'], type);
    assert.ok(arrived.body.equals(body), type);
  }
});

// The first match of the prefix is replaced wherever it is, and an absolute one is not looked at.
test('a Location is rewritten where it leads to MAAS, and nowhere else', async (t) => {
  let location = '';
  const origin = await startOrigin(t, (_request, response) => response.writeHead(201, { Location: location }).end());
  const proxy = await startTestProxy(t, origin.url);
  const given = async (value: string): Promise<unknown> => {
    location = value;
    return (await send(`${proxy.url}/users/`)).headers['location'];
  };
  assert.equal(await given('http://sso.example/?next=/MAAS/api/2.0/'), 'http://sso.example/?next=/MAAS/api/2.0/');
  assert.equal(await given(`${origin.url}/MAAS/api/2.0/zones/`), `${proxy.url}/zones/`);
});

// The first two are a 200, the last is a 400.
test('two Host headers or a malformed one are 400, and an absolute address is understood', async (t) => {
  const { origin, proxy } = await start(t);
  const status = async (line: string, hosts: string): Promise<string | undefined> => {
    const { head } = await sendRaw(t, proxy.url, `${line} HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
    return /^HTTP\/1\.1 (\d+)/.exec(head)?.[1];
  };
  assert.equal(await status('GET /zones/', 'Host: localhost\r\nHost: localhost\r\n'), '400');
  assert.equal(await status('GET /zones/', 'Host: local host/\r\n'), '400');
  assert.equal(origin.received.length, 0);
  assert.equal(await status('GET http://localhost/zones/', 'Host: localhost\r\n'), '200');
  assert.equal(origin.received[0]?.target, '/MAAS/api/2.0/zones/');
});

// `close()` waits for a connection on which nothing was ever sent, and for an answer without end.
test(
  'stopping does not wait for a connection that was never used, nor for an answer without end',
  { timeout: 30_000 },
  async (t) => {
    const maas = await startRawMaas(t, ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    });
    const proxy = await startTestProxy(t, maas.url, { flags: ['--drain-timeout', '3'] });
    const unused = await connectRaw(t, proxy.url);
    const endless = await connectRaw(t, proxy.url);
    endless.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await endless.received(/hello/);
    const stopped = proxy.stop();
    await unused.closed;
    assert.equal(endless.socket.destroyed, false);
    assert.equal(await stopped, 1);
    assert.equal(await endless.closed, 'closed');
  },
);

// Node's parser and undici's both stop at 16 KiB.
test('long id= lists pass, and so do long headers of an answer', async (t) => {
  const long = 'x'.repeat(40_000);
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nX-Long: ${long}\r\nContent-Length: 2\r\n\r\nok`);
  });
  const proxy = await startTestProxy(t, maas.url);
  const request = `GET /machines/?id=${long} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  const { head } = await sendRaw(t, proxy.url, request);
  assert.match(head, /^HTTP\/1\.1 200 /);
  assert.ok(head.includes(`X-Long: ${long}`));
});

// undici gives up after 300 s, MAAS works for up to 900 s.
test(
  'the time that MAAS gets is a setting, by default above the 900 s that MAAS allows itself',
  { timeout: 30_000 },
  async (t) => {
    assert.ok(settings.upstreamTimeout.default > 900);
    for (const beginning of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart']) {
      const maas = await startRawMaas(t, ({ socket }) => socket.write(beginning));
      const proxy = await startTestProxy(t, maas.url, { flags: ['--upstream-timeout', '1'] });
      const client = await connectRaw(t, proxy.url);
      client.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await until(() => maas.connections[0]?.socket.destroyed === true, 'the end of the request at MAAS');
      await client.closed;
    }
  },
);

// Nothing is written about it.
test('a request that its client has left is in the log', { timeout: 30_000 }, async (t) => {
  const maas = await startRawMaas(t, () => {});
  const proxy = await startTestProxy(t, maas.url);
  const { socket } = await connectRaw(t, proxy.url);
  socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => maas.connections.length === 1, 'the request at MAAS');
  socket.destroy();
  await until(() => proxy.log.some(({ path, status }) => path === '/zones/' && status === 499), 'the line with 499');
});

// With `prefix: '/'` and a rewrite prefix that lacks its final slash every request is 400.
test("short addresses, the root among them, reach MAAS's API", async (t) => {
  const { origin, proxy } = await start(t);
  for (const path of ['/', '/users/?op=whoami', '/files/a%2Fb/'])
    assert.equal((await send(proxy.url + path)).status, 200);
  assert.deepEqual(
    origin.received.map(({ target }) => target),
    ['/MAAS/api/2.0/', '/MAAS/api/2.0/users/?op=whoami', '/MAAS/api/2.0/files/a%2Fb/'],
  );
});

// Four lines, and 39 % more CPU.
test('a request is one line in the log, whether it succeeds or fails', async (t) => {
  const { origin, proxy } = await start(t);
  const lines = (): readonly unknown[] => proxy.log.filter(({ level }) => Number(level) >= 30);
  const before = lines().length;
  await send(`${proxy.url}/zones/`);
  await until(() => lines().length > before, 'the line');
  origin.server.close();
  origin.server.closeAllConnections();
  await send(`${proxy.url}/zones/`);
  await proxy.stop();
  assert.equal(lines().length - before, 2);
});

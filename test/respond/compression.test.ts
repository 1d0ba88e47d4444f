import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { test, type TestContext } from 'node:test';
import * as zlib from 'node:zlib';
import { chooseCoding } from '../../src/respond/compress.ts';
import { watchArrivals } from '../support/arrivals.ts';
import { startHeldMaas } from '../support/held-maas.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw, startRawMaas, type RawConnection } from '../support/raw.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

const { zstdDecompressSync } = zlib as unknown as { readonly zstdDecompressSync?: (body: Buffer) => Buffer };
const decoders: Readonly<Record<string, ((body: Buffer) => Buffer) | undefined>> = {
  gzip: zlib.gunzipSync,
  br: zlib.brotliDecompressSync,
  zstd: zstdDecompressSync,
};
const body = Buffer.from(JSON.stringify(Array.from({ length: 2_000 }, (_, id) => ({ id, status_name: 'Ready' }))));
const json = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(body.length) };

/** What a client gets that asks for `path` with `headers`, where MAAS answers with `answer`. */
async function get(
  t: TestContext,
  headers: Record<string, string>,
  {
    answer = {},
    content = body,
    status = 200,
    path = '/machines/',
    method = 'GET',
    flags = [],
  }: {
    answer?: OutgoingHttpHeaders;
    content?: Buffer;
    status?: number;
    path?: string;
    method?: string;
    flags?: string[];
  } = {},
): Promise<Reply> {
  const maas = await startOrigin(t, (_request, response) =>
    response.writeHead(status, { ...json, 'Content-Length': content.length, ...answer }).end(content),
  );
  const proxy = await startTestProxy(t, maas.url, { flags: ['--policy', 'unrestricted', ...flags] });
  return send(proxy.url + path, { method, headers });
}

for (const coding of ['gzip', 'br', 'zstd']) {
  test(`a client that takes ${coding} gets it`, async (t) => {
    const decode = decoders[coding];
    if (decode === undefined) return t.skip(`skipped: this Node has no ${coding}`);
    const reply = await get(
      t,
      { 'Accept-Encoding': coding },
      { answer: { Vary: 'Authorization, Cookie', ETag: '"a"' } },
    );
    assert.equal(reply.headers['content-encoding'], coding);
    assert.equal(reply.headers['vary'], 'Authorization, Cookie, Accept-Encoding');
    assert.equal(reply.headers['content-length'], undefined);
    assert.equal(reply.headers['transfer-encoding'], 'chunked');
    assert.equal(reply.headers['etag'], 'W/"a"');
    assert.equal(reply.headers['content-type'], json['Content-Type']);
    assert.ok(decode(reply.body).equals(body));
    assert.ok(reply.body.length < body.length / 5);
    return undefined;
  });
}

test('a client that takes none gets it as it is, and is told that others may not', async (t) => {
  const reply = await get(t, {}, { answer: { ETag: '"a"' } });
  assert.equal(reply.headers['content-encoding'], undefined);
  assert.equal(reply.headers['vary'], 'Accept-Encoding');
  assert.equal(reply.headers['etag'], '"a"');
  assert.equal(reply.headers['content-length'], String(body.length));
  assert.ok(reply.body.equals(body));
});

const hasZstd = zstdDecompressSync !== undefined;
for (const [accepted, expected] of [
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['gzip, deflate', 'gzip'],
  ['gzip, br', 'br'],
  ['gzip, deflate, br, zstd', hasZstd ? 'zstd' : 'br'],
  ['gzip;q=1.0, br;q=0.5', 'gzip'],
  ['gzip; q=0.2, br; q=0.3', 'br'],
  ['gzip;q=0', undefined],
  ['gzip;q=0.000', undefined],
  ['*', hasZstd ? 'zstd' : 'br'],
  ['*;q=0', undefined],
  ['gzip;q=0, *', hasZstd ? 'zstd' : 'br'],
  ['br;q=0, zstd;q=0, *;q=0.1', 'gzip'],
  ['identity', undefined],
  ['identity;q=1, gzip;q=0.5', undefined],
  ['identity;q=0.5, gzip;q=1', 'gzip'],
  ['identity, gzip', 'gzip'],
  ['deflate', undefined],
  ['compress, gzip;q=nonsense', undefined],
  ['gzip;q=2', undefined],
  ['', undefined],
  [';;,,=', undefined],
] as const) {
  test(`Accept-Encoding "${accepted}" means ${expected ?? 'no compression'}`, () => {
    assert.equal(chooseCoding(accepted), expected);
  });
}

for (const [what, options] of [
  ['one that reveals a credential', { path: '/machines/abc/?op=power_parameters' }],
  ['one that reveals private keys', { path: '/account/prefs/sslkeys/' }],
  ['the answer to a write', { method: 'POST' }],
  ['a short one', { content: Buffer.from('[1]') }],
  ['one that is compressed already', { answer: { 'Content-Encoding': 'br' } }],
  ['an image', { answer: { 'Content-Type': 'image/png' } }],
  ['BSON', { answer: { 'Content-Type': 'application/bson' } }],
  ['one without a type', { answer: { 'Content-Type': '' } }],
  ['a part', { status: 206, answer: { 'Content-Range': 'bytes 0-1/9' } }],
  ['an error', { status: 404 }],
  ['one that MAAS wants as it is', { answer: { 'Cache-Control': 'no-transform' } }],
  ['any with --no-compress', { flags: ['--no-compress'] }],
] as const satisfies [string, Parameters<typeof get>[2]][]) {
  test(`not compressed: ${what}`, async (t) => {
    const reply = await get(t, { 'Accept-Encoding': 'gzip' }, options as Parameters<typeof get>[2]);
    const { answer = {}, content = body } = options as { answer?: OutgoingHttpHeaders; content?: Buffer };
    assert.equal(reply.headers['content-encoding'], answer['Content-Encoding']);
    assert.equal(reply.headers['vary'], undefined);
    assert.equal(reply.headers['content-length'], String(content.length));
    assert.ok(reply.body.equals(content));
  });
}

test('not compressed: what the client wants as it is', async (t) => {
  const reply = await get(t, { 'Accept-Encoding': 'gzip', 'Cache-Control': 'no-transform' });
  assert.equal(reply.headers['content-encoding'], undefined);
  assert.ok(reply.body.equals(body));
});

test('not compressed: one that does not tell its length, and passes as it comes', async (t) => {
  const maas = await startHeldMaas(t);
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /events/ HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n');
  const { response } = await maas.arrived(0);
  response.writeHead(200, { 'Content-Type': 'application/json' }).write('["first"');
  await client.received(/\["first"/);
  response.end(']');
  await client.received(/\r\n0\r\n\r\n$/);
  assert.ok(!client.text().includes('gzip'));
});

test('HEAD and HTTP/1.0 get no compressed answer', async (t) => {
  const maas = await startOrigin(t, (_request, response) => response.writeHead(200, json).end(body));
  const proxy = await startTestProxy(t, maas.url);
  const head = await send(`${proxy.url}/machines/`, { method: 'HEAD', headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(head.headers['content-length'], String(body.length));
  const old = await connectRaw(t, proxy.url);
  old.socket.write('GET /machines/ HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n');
  await old.closed;
  assert.ok(old.text().endsWith(body.toString('latin1')));
});

test('describe/ is compressed with the addresses of the proxy in it', async (t) => {
  const content = Buffer.from(
    JSON.stringify({ doc: 'x'.repeat(3_000), handlers: [{ uri: 'http://maas/MAAS/api/2.0/users/' }] }),
  );
  const reply = await get(t, { 'Accept-Encoding': 'gzip', Host: 'localhost' }, { path: '/describe/', content });
  assert.match(zlib.gunzipSync(reply.body).toString(), /"uri":"http:\/\/localhost\/users\/"/);
});

test('joined clients get each the coding of its own, and those with a condition the tag of theirs', async (t) => {
  const maas = await startHeldMaas(t);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--cache-ttl', '60'] });
  const came = watchArrivals(t, proxy.url);
  const replies = ['gzip', 'br', 'identity'].map((coding) =>
    send(`${proxy.url}/machines/`, { headers: { 'Accept-Encoding': coding } }),
  );
  await came(3);
  (await maas.arrived(0)).response.writeHead(200, json).end(body);
  const [gzip, br, plain] = (await Promise.all(replies)) as [Reply, Reply, Reply];
  assert.ok(zlib.gunzipSync(gzip.body).equals(body));
  assert.ok(zlib.brotliDecompressSync(br.body).equals(body));
  assert.ok(plain.body.equals(body));
  assert.equal(gzip.headers['etag'], plain.headers['etag']);
  for (const { headers } of [gzip, plain]) {
    const again = await send(`${proxy.url}/machines/`, {
      headers: { 'Accept-Encoding': 'gzip', 'If-None-Match': String(headers['etag']) },
    });
    assert.equal(again.status, 304);
    assert.equal(again.headers['vary'], 'Accept-Encoding');
    assert.equal(again.headers['content-encoding'], undefined);
  }
  assert.equal(maas.received.length, 1);
});

test('while a client does not read a compressed answer, MAAS waits; then the client gets all of it', async (t) => {
  const size = 96 * 1024 * 1024;
  const noise = randomBytes(1024 * 1024).toString('base64'); // hardly to be compressed
  let sent = 0;
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`);
    const more = (): void => {
      while (sent < size) {
        const chunk = noise.slice(0, Math.min(noise.length, size - sent));
        sent += chunk.length;
        if (!socket.write(chunk, 'latin1')) return void socket.once('drain', more);
      }
    };
    more();
  });
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.removeAllListeners('data');
  client.socket.pause();
  client.socket.write(
    'GET /machines/ HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n',
  );
  let seen = -1;
  let since = performance.now();
  await until(() => {
    if (sent !== seen) since = performance.now();
    seen = sent;
    return sent > 0 && performance.now() - since > 500;
  }, 'MAAS waiting');
  assert.ok(sent < size / 2, `${sent} bytes sent into a client that does not read`);
  let received = 0;
  client.socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  client.socket.resume();
  assert.equal(await client.closed, 'closed');
  assert.equal(sent, size);
  assert.ok(received > size / 4);
});

test('a client that leaves in the middle of a compressed answer ends the request at MAAS', async (t) => {
  const maas = await startHeldMaas(t);
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n');
  const { response } = await maas.arrived(0);
  response.writeHead(200, json).write(body.subarray(0, 5_000));
  await client.received(/Content-Encoding: gzip/);
  client.socket.destroy();
  await until(() => response.destroyed, 'the end of the request at MAAS');
  await until(() => proxy.log.some(({ code }) => code === 'client-gone'), 'the log line');
});

test('a compressed answer that breaks off at MAAS does not look whole', async (t) => {
  const maas = await startHeldMaas(t);
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n');
  const { response } = await maas.arrived(0);
  response.writeHead(200, json).write(body.subarray(0, 5_000));
  await client.received(/Content-Encoding: gzip/);
  response.destroy();
  await client.closed;
  assert.ok(!client.text().endsWith('0\r\n\r\n'));
});

test('so many slow readers of compressed answers as there may be at once cost the others the compression, and nothing else', async (t) => {
  const maas = await startOrigin(
    t,
    (_request, response) => void response.writeHead(200, json).write(body.subarray(0, 5_000)),
  );
  // With so much memory 64 may be.
  const flags = ['--no-coalesce', '--max-upstream', '100', '--max-memory', '4G'];
  const proxy = await startTestProxy(t, maas.url, { flags });
  const ask = async (): Promise<RawConnection> => {
    const client = await connectRaw(t, proxy.url);
    client.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n');
    await client.received(/\r\n\r\n/);
    return client;
  };
  const readers: RawConnection[] = [];
  for (let count = 0; count < 64; count += 1) readers.push(await ask());
  for (const { text } of readers) assert.match(text(), /Content-Encoding: gzip/);
  const other = await ask();
  assert.doesNotMatch(other.text(), /Content-Encoding/);
  assert.match(other.text(), new RegExp(`Content-Length: ${body.length}\\r\\n`));
  assert.match(other.text(), /Vary: Accept-Encoding/);
  readers[0]?.socket.destroy();
  await until(() => proxy.log.some(({ code }) => code === 'client-gone'), 'the end of one of them');
  let latest = other;
  for (let tries = 0; tries < 50 && !/Content-Encoding: gzip/.test(latest.text()); tries += 1) latest = await ask();
  assert.match(latest.text(), /Content-Encoding: gzip/);
});

import assert from 'node:assert/strict';
import type { OutgoingHttpHeader } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startOrigin, type Origin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { sendRaw, startRawMaas } from '../support/raw.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

/** A proxy, and an origin that answers `ok` with these header fields, names and values in turn. */
async function start(
  t: TestContext,
  answer: readonly string[] = [],
  status = 200,
): Promise<{ origin: Origin; proxy: TestProxy }> {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(status, [...answer] as OutgoingHttpHeader[]).end('ok');
  });
  return { origin, proxy: await startTestProxy(t, origin.url) };
}

/** What arrived at MAAS: the values of a field, one for each line. */
function arrived({ received }: Origin, name: string): string[] {
  return values((received.at(-1) ?? assert.fail('nothing arrived')).rawHeaders, name);
}

function values(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name.toLowerCase());
}

/** Names and values in turn. */
function pairs(fields: Readonly<Record<string, string>>): string[] {
  return Object.entries(fields).flat();
}

for (const [name, value] of [
  ['Keep-Alive', 'timeout=5'],
  ['Upgrade', 'websocket'],
  ['TE', 'trailers'],
  ['Trailer', 'X-Checksum'],
  ['Proxy-Authorization', 'Basic YTpi'],
  ['Proxy-Authenticate', 'Basic'],
  ['Proxy-Connection', 'keep-alive'],
  ['Proxy-Anything', 'x'],
  ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
] as const) {
  test(`${name} in a request stays between client and proxy, even where Connection does not name it`, async (t) => {
    const { origin, proxy } = await start(t);
    const request = `GET /users/ HTTP/1.1\r\nHost: localhost\r\n${name}: ${value}\r\nX-Kept: yes\r\nConnection: close\r\n\r\n`;
    const { head } = await sendRaw(t, proxy.url, request);
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.deepEqual(arrived(origin, name), []);
    assert.deepEqual(arrived(origin, 'X-Kept'), ['yes']);
  });
}

test('what Connection names in a request is dropped, in any case and over several lines', async (t) => {
  const { origin, proxy } = await start(t);
  const { head } = await sendRaw(
    t,
    proxy.url,
    'GET /users/ HTTP/1.1\r\nHost: localhost\r\nConnection: X-One,\tx-two\r\nX-One: 1\r\nX-TWO: 2\r\nX-Three: 3\r\nX-Kept: 4\r\nConnection: close, X-Three\r\n\r\n',
  );
  assert.match(head, /^HTTP\/1\.1 200 /);
  for (const name of ['X-One', 'X-Two', 'X-Three']) assert.deepEqual(arrived(origin, name), []);
  assert.deepEqual(arrived(origin, 'X-Kept'), ['4']);
  assert.deepEqual(arrived(origin, 'Connection'), ['keep-alive']);
});

test('a client cannot have Connection drop what the proxy adds', async (t) => {
  const { origin, proxy } = await start(t);
  const listed = 'Authorization, Via, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Request-Id, Host';
  await send(`${proxy.url}/users/`, { headers: { Connection: listed } });
  for (const name of listed.split(', ')) assert.equal(arrived(origin, name).length, 1, name);
});

test('Expect is answered by the proxy, and not passed on', async (t) => {
  const { origin, proxy } = await start(t);
  const { text } = await sendRaw(
    t,
    proxy.url,
    'POST /files/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhi',
  );
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  assert.deepEqual(arrived(origin, 'Expect'), []);
  assert.equal(origin.received[0]?.body.toString(), 'hi');
});

test('hop-by-hop fields of an answer, and those that its Connection names, do not reach the client', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write(
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=65\r\nProxy-Connection: close\r\nProxy-Authenticate: Basic\r\n' +
        'Trailer: X-Sum\r\nTE: trailers\r\nConnection: X-One, keep-alive\r\nX-One: 1\r\nX-Kept: yes\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
    );
  });
  const proxy = await startTestProxy(t, maas.url);
  const { head, body } = await sendRaw(t, proxy.url, 'GET /users/ HTTP/1.0\r\nHost: localhost\r\n\r\n');
  assert.match(head, /\r\nX-Kept: yes\r\n/);
  assert.doesNotMatch(head, /\r\n(?:keep-alive|proxy-\w+|te|trailer|transfer-encoding|upgrade|x-one|x-sum):/i);
  assert.match(head, /\r\nConnection: close(?:\r\n|$)/);
  assert.equal(body, 'ok');
});

test("a client that stays connected is not told MAAS's close", async (t) => {
  const { proxy } = await start(t, ['Connection', 'close', 'Content-Length', '2']);
  const reply = await send(`${proxy.url}/users/`, { headers: { Connection: 'keep-alive' } });
  assert.notEqual(reply.headers['connection'], 'close');
});

test('Via is added in both directions, behind those that are there', async (t) => {
  const { origin, proxy } = await start(t, ['Via', '1.1 front', 'Via', '1.0 second']);
  const reply = await send(`${proxy.url}/users/`, { headers: { Via: '1.1 laptop (curl, x)' } });
  assert.match(arrived(origin, 'Via').join(), /^1\.1 laptop \(curl, x\), 1\.1 maas-auth-proxy-[\da-f]{16}$/);
  assert.deepEqual(values(reply.rawHeaders, 'Via'), ['1.1 front, 1.0 second, 1.1 maas-auth-proxy']);
});

test('Via tells the version that the client spoke, and the client the version that MAAS spoke', async (t) => {
  const { origin, proxy } = await start(t);
  const { head } = await sendRaw(t, proxy.url, 'GET /users/ HTTP/1.0\r\nHost: localhost\r\n\r\n');
  assert.match(arrived(origin, 'Via').join(), /^1\.0 maas-auth-proxy-[\da-f]{16}$/);
  assert.match(head, /\r\nVia: 1\.1 maas-auth-proxy\r\n/);
});

test("MAAS is told the client's true address, host and scheme; what the client says of them is dropped", async (t) => {
  const { origin, proxy } = await start(t);
  await send(`${proxy.url}/users/`, {
    headers: {
      Host: 'localhost:8240',
      Forwarded: 'for=6.6.6.6',
      'X-Real-IP': '6.6.6.6',
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Port': '443',
      'X-Forwarded-Server': 'evil.example',
      'X-Forwarded-Prefix': '/evil',
    },
  });
  const { rawHeaders } = origin.received[0] ?? assert.fail('nothing arrived');
  assert.deepEqual(arrived(origin, 'X-Forwarded-For'), ['127.0.0.1']);
  assert.deepEqual(arrived(origin, 'X-Forwarded-Host'), ['localhost:8240']);
  assert.deepEqual(arrived(origin, 'X-Forwarded-Proto'), ['http']);
  assert.deepEqual(arrived(origin, 'Host'), [new URL(origin.url).host]);
  assert.doesNotMatch(rawHeaders.join('\n'), /6\.6\.6\.6|evil|^443$/m);
});

test("the client's User-Agent is kept, and none is invented where it sends none", async (t) => {
  const { origin, proxy } = await start(t);
  await send(`${proxy.url}/users/`, { headers: { 'User-Agent': 'HTTPie/3.2.1' } });
  assert.deepEqual(arrived(origin, 'User-Agent'), ['HTTPie/3.2.1']);
  await send(`${proxy.url}/users/`);
  assert.deepEqual(arrived(origin, 'User-Agent'), []);
});

test('fields for tracing pass as they are', async (t) => {
  const { origin, proxy } = await start(t);
  const tracing = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'vendor=t61rcWkgMzE',
    'MAAS-trace-id': '8a1b2c',
    'X-Request-Id': 'deploy-17/retry:2',
  };
  const reply = await send(`${proxy.url}/users/`, { headers: tracing });
  for (const [name, value] of Object.entries(tracing)) assert.deepEqual(arrived(origin, name), [value]);
  assert.deepEqual(values(reply.rawHeaders, 'X-Request-Id'), ['deploy-17/retry:2']);
  await until(() => proxy.log.some(({ requestId }) => requestId === 'deploy-17/retry:2'), 'the id in the log');
});

test("a request without an id gets one, the same in MAAS's request, the answer and the log", async (t) => {
  const { origin, proxy } = await start(t, ['X-Request-Id', 'of-maas']);
  const first = await send(`${proxy.url}/users/`);
  const [id = ''] = values(first.rawHeaders, 'X-Request-Id');
  assert.match(id, /^[0-9a-f]{16}$/);
  assert.deepEqual(values(first.rawHeaders, 'X-Request-Id'), [id]);
  assert.deepEqual(arrived(origin, 'X-Request-Id'), [id]);
  await until(() => proxy.log.some(({ requestId }) => requestId === id), 'the id in the log');
  const second = await send(`${proxy.url}/users/`);
  assert.notEqual(second.headers['x-request-id'], id);
});

for (const [what, id] of [
  ['with a space', 'two words'],
  ['of 300 characters', 'a'.repeat(300)],
  ['with a character that is not ASCII', 'caf\u00e9'],
  ['with a tab', 'a\tb'],
  ['that is empty', ''],
] as const) {
  test(`a request id ${what} is replaced`, async (t) => {
    const { origin, proxy } = await start(t);
    const request = `GET /users/ HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`;
    const { head } = await sendRaw(t, proxy.url, request);
    const made = /\r\nX-Request-Id: (.*)/.exec(head)?.[1] ?? '';
    assert.match(made, /^[0-9a-f]{16}$/);
    assert.deepEqual(arrived(origin, 'X-Request-Id'), [made]);
  });
}

test('two request ids are replaced by one', async (t) => {
  const { origin, proxy } = await start(t);
  await sendRaw(
    t,
    proxy.url,
    'GET /users/ HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\r\nX-Request-Id: b\r\nConnection: close\r\n\r\n',
  );
  assert.match(arrived(origin, 'X-Request-Id').join(), /^[0-9a-f]{16}$/);
});

test('cookies and Strict-Transport-Security of MAAS do not reach the client; its other fields do', async (t) => {
  const kept = pairs({
    'Content-Type': 'application/json; charset=utf-8',
    Vary: 'Authorization, Cookie',
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'X-MAAS-API-Hash': '36763f14',
    WARNING: '199 - "old"',
    'X-Twice': '1',
    'x-twice': '2',
    'Cache-Control': 'no-cache',
    'Retry-After': '5',
  });
  const dropped = pairs({
    'Set-Cookie': 'sessionid=secret',
    'set-cookie': 'csrftoken=x',
    'Set-Cookie2': 'x',
    'Strict-Transport-Security': 'max-age=63072000',
  });
  const { proxy } = await start(t, [...dropped, ...kept]);
  const { rawHeaders } = await send(`${proxy.url}/users/`);
  // In their own case, and in their order.
  assert.deepEqual(rawHeaders.slice(0, kept.length), kept);
  assert.doesNotMatch(rawHeaders.join('\n'), /set-cookie|sessionid|strict-transport/i);
});

test('bytes outside of ASCII in header values pass both ways', async (t) => {
  const { origin, proxy } = await start(t, ['X-Name', 'caf\u00e9']);
  const { head } = await sendRaw(
    t,
    proxy.url,
    'GET /users/ HTTP/1.1\r\nHost: localhost\r\nX-Name: na\u00efve\r\nConnection: close\r\n\r\n',
  );
  assert.deepEqual(arrived(origin, 'X-Name'), ['na\u00efve']);
  assert.match(head, /\r\nX-Name: caf\u00e9\r\n/);
});

test("the proxy's own answers carry a request id, are never stored, and claim no MAAS behind them", async (t) => {
  const { proxy } = await start(t);
  const reply: Reply = await send(`${proxy.url}/MAAS/r/`, { headers: { 'X-Request-Id': 'mine' } });
  assert.equal(reply.headers['x-request-id'], 'mine');
  assert.equal(reply.headers['cache-control'], 'no-store');
  assert.match(String(reply.headers['proxy-status']), /^maas-auth-proxy; error=/);
  assert.equal(reply.headers['via'], undefined);
});

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { METHODS } from 'node:http';
import { test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

test('an unsigned request arrives at MAAS signed, with its own nonce and the current time', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/machines/`);
  await send(`${proxy.url}/machines/`);
  const signatures = origin.received.map(({ headers }) => headers.authorization ?? '');
  assert.equal(signatures.length, 2);
  for (const signature of signatures) {
    assert.match(signature, /oauth_consumer_key="CanaryConsumerKey0", oauth_token="CanaryTokenValue00"/);
    assert.match(signature, /oauth_signature="%26CanarySecretCanarySecretCanary00"/);
    const timestamp = Number(/oauth_timestamp="(\d+)"/.exec(signature)?.[1]);
    assert.ok(Math.abs(timestamp - Date.now() / 1000) < 5);
  }
  assert.notEqual(/nonce="(\w+)"/.exec(signatures[0] ?? '')?.[1], /nonce="(\w+)"/.exec(signatures[1] ?? '')?.[1]);
});

test('the three forms of an address reach the same operation', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  for (const path of ['/users/?op=whoami', '/api/2.0/users/?op=whoami', '/MAAS/api/2.0/users/?op=whoami']) {
    assert.equal((await send(proxy.url + path)).status, 200);
  }
  assert.deepEqual(
    origin.received.map(({ target }) => target),
    Array.from({ length: 3 }, () => '/MAAS/api/2.0/users/?op=whoami'),
  );
});

test('a MAAS behind a path prefix is reached there', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, `${origin.url}/lab/one/MAAS`);
  await send(`${proxy.url}/users/`);
  assert.equal(origin.received[0]?.target, '/lab/one/MAAS/api/2.0/users/');
});

test('every method is forwarded but CONNECT and TRACE', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  const forwarded = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE');
  for (const method of forwarded) assert.equal((await send(`${proxy.url}/zones/`, { method })).status, 200, method);
  assert.deepEqual(
    origin.received.map(({ method }) => method),
    forwarded,
  );
  const trace = await send(`${proxy.url}/zones/`, { method: 'TRACE' });
  assert.equal(trace.status, 405);
  assert.equal(trace.json()['code'], 'method-not-forwarded');
  assert.equal(origin.received.length, forwarded.length);
});

for (const contentType of [
  'application/json',
  'text/plain; charset=latin1',
  'application/octet-stream',
  'nonsense',
  '',
]) {
  test(`a body of type "${contentType}" arrives byte for byte, and the answer comes back so`, async (t) => {
    const answer = randomBytes(200_000);
    const origin = await startOrigin(t, (_request, response) => response.end(answer));
    const proxy = await startTestProxy(t, origin.url);
    const body = randomBytes(300_000);
    const reply = await send(`${proxy.url}/files/`, {
      method: 'POST',
      body,
      headers: { 'Content-Length': String(body.length), ...(contentType !== '' && { 'Content-Type': contentType }) },
    });
    assert.equal(hash(reply.body), hash(answer));
    assert.equal(hash(origin.received[0]?.body ?? Buffer.alloc(0)), hash(body));
    assert.equal(origin.received[0]?.headers['content-type'], contentType === '' ? undefined : contentType);
    assert.equal(origin.received[0]?.headers['content-length'], '300000');
  });
}

test("what would override the signature never arrives: the client's Authorization, Cookie, Macaroons, names with _", async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/users/`, {
    headers: {
      Authorization: 'OAuth oauth_token="mine"',
      Cookie: 'sessionid=abc',
      Macaroons: 'abc',
      X_Forwarded_For: '6.6.6.6',
      'X-Forwarded-For': '6.6.6.6',
      'X-Kept': 'yes',
    },
  });
  const { headers, rawHeaders } = origin.received[0] ?? assert.fail('nothing arrived');
  assert.match(headers.authorization ?? '', /CanaryTokenValue00/);
  assert.equal(rawHeaders.filter((name) => name.toLowerCase() === 'authorization').length, 1);
  assert.equal(headers.cookie, undefined);
  assert.equal(headers['macaroons'], undefined);
  assert.equal(
    rawHeaders.some((name) => name.includes('X_')),
    false,
  );
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-kept'], 'yes');
});

for (const query of ['?oauth_token=x', '?op=whoami&%6Fauth_nonce=x', '?callback=alert']) {
  test(`the query ${query} is refused with 400, and MAAS receives nothing`, async (t) => {
    const origin = await startOrigin(t);
    const proxy = await startTestProxy(t, origin.url);
    const reply = await send(`${proxy.url}/users/${query}`);
    assert.equal(reply.status, 400);
    assert.equal(reply.headers['content-type'], 'application/problem+json');
    assert.match(String(reply.headers['proxy-status']), /^maas-auth-proxy; error=/);
    const problem = reply.json();
    assert.equal(problem['code'], 'signature-override');
    assert.equal(problem['status'], 400);
    assert.equal(problem['requestId'], reply.headers['x-request-id']);
    assert.equal(origin.received.length, 0);
  });
}

for (const path of ['/MAAS/', '/MAAS/a/v3/machines', '/MAAS/r/', '/MAAS/rpc/', '/MAAS/api/1.0/users/']) {
  test(`${path} is 404 from the proxy itself, and never signed`, async (t) => {
    const origin = await startOrigin(t);
    const proxy = await startTestProxy(t, origin.url);
    const reply = await send(proxy.url + path);
    assert.equal(reply.status, 404);
    assert.match(String(reply.json()['detail']), /\/machines\//);
    assert.equal(origin.received.length, 0);
  });
}

test('MAAS is told its own host name, and its redirects are followed neither by the proxy nor by the client', async (t) => {
  const elsewhere = await startOrigin(t);
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(301, { Location: `${elsewhere.url}/MAAS/api/2.0/users/` }).end();
  });
  const proxy = await startTestProxy(t, origin.url);
  const reply = await send(`${proxy.url}/users/`);
  assert.equal(reply.status, 502);
  assert.equal(origin.received[0]?.headers.host, new URL(origin.url).host);
  assert.equal(elsewhere.received.length, 0);
});

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

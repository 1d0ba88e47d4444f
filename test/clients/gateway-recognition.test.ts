// How a gateway's clients prove who they are, and what they are told when they do not.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { request } from 'node:http';
import { emptyDirectory } from '../support/cli.ts';
import { basic, give, oauth, startGateway } from '../support/gateway.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { canaryKey, type TestProxy } from '../support/proxy.ts';
import { sendRaw } from '../support/raw.ts';
import { send, type Reply } from '../support/request.ts';

const alice = give('alice');
const bob = give('bob');
const past = give('past', { expires: '2020-01-31' });
const [consumer = '', token = '', secret = ''] = alice.key.split(':');

async function start(t: TestContext): Promise<{ origin: Origin; gateway: TestProxy }> {
  const origin = await startOrigin(t);
  return { origin, gateway: await startGateway(t, origin.url, [alice, bob, past]) };
}

function ask({ url }: TestProxy, authorization?: string): Promise<Reply> {
  return send(`${url}/users/`, { headers: authorization === undefined ? {} : { Authorization: authorization } });
}

const accepted: readonly [string, () => string][] = [
  ['an OAuth header as the MAAS CLI sends it', () => oauth(alice.key)],
  ['an OAuth header without quotes', () => oauth(alice.key).replaceAll('"', '')],
  ['an OAuth header with a raw "&"', () => oauth(alice.key, { oauth_signature: `&${secret}` })],
  ['an OAuth header with a realm', () => oauth(alice.key).replace('OAuth ', 'OAuth realm="MAAS", ')],
  ['an OAuth header without a version', () => oauth(alice.key, { oauth_version: undefined })],
  ['an OAuth header without spaces', () => oauth(alice.key).replaceAll(', ', ',')],
  [
    'an OAuth header of a clock that is ten minutes ahead',
    () => oauth(alice.key, { oauth_timestamp: String(Math.floor(Date.now() / 1000) + 600) }),
  ],
  ['an OAuth header whose last duplicate is right', () => oauth('x:y:z').concat(', ', oauth(alice.key).slice(6))],
  ['a Bearer token', () => `Bearer ${alice.key}`],
  ['a bearer token, in small letters', () => `bearer  ${alice.key}`],
  ['Basic with name and key', () => basic(`alice:${alice.key}`)],
  ['Basic without a name', () => basic(`:${alice.key}`)],
  ['Basic with the key in place of name and password', () => basic(alice.key)],
];

for (const [what, authorization] of accepted) {
  test(`${what} lets its client in, and MAAS gets the real key alone`, async (t) => {
    const { origin, gateway } = await start(t);
    const { status, body } = await ask(gateway, authorization());
    assert.equal(status, 200, body.toString());
    const { headers, rawHeaders } = origin.received[0] ?? assert.fail('nothing came');
    assert.equal(rawHeaders.filter((name) => /^authorization$/i.test(name)).length, 1);
    assert.ok(headers.authorization?.includes(canaryKey.split(':')[1] ?? ''));
    assert.ok(!JSON.stringify(rawHeaders).includes(secret));
    assert.match(headers['user-agent'] ?? '', /\(via maas-auth-proxy; client=alice\)$/);
    assert.equal(gateway.log.find(({ msg }) => msg === 'request')?.['client'], 'alice');
  });
}

const maasWords: readonly [string, () => string, RegExp][] = [
  ['an unknown consumer key', () => oauth(`nobody${alice.key}`), /^Authorization Error: Invalid API key\.$/],
  [
    "another client's token",
    () => oauth(alice.key, { oauth_token: bob.client.token }),
    /^Authorization Error: 'Invalid access token: \w{4}…'$/,
  ],
  [
    'a wrong secret',
    () => oauth(alice.key, { oauth_signature: `%26${bob.key.split(':')[2]}` }),
    /^Authorization Error: 'Invalid signature\.'$/,
  ],
  [
    'a signature without "&"',
    () => oauth(alice.key, { oauth_signature: secret }),
    /^Authorization Error: 'Invalid signature\.'$/,
  ],
  [
    'a signature that is encoded twice',
    () => oauth(alice.key, { oauth_signature: `%2526${secret}` }),
    /^Authorization Error: 'Invalid signature\.'$/,
  ],
  ['an expired key', () => oauth(past.key), /^Authorization Error: Invalid API key\. It has expired/],
  [
    'HMAC-SHA1',
    () => oauth(alice.key, { oauth_signature_method: 'HMAC-SHA1' }),
    /^Authorization Error: 'Signature method HMAC-SHA1 not supported: PLAINTEXT is needed/,
  ],
  [
    'a timestamp of ten minutes ago',
    () => oauth(alice.key, { oauth_timestamp: String(Math.floor(Date.now() / 1000) - 600) }),
    /^Authorization Error: 'Expired timestamp: given \d+ and now \d+ has a greater difference than threshold 300'$/,
  ],
  ['a timestamp that is no number', () => oauth(alice.key, { oauth_timestamp: 'now' }), /'Invalid timestamp/],
  ['a timestamp with a fraction', () => oauth(alice.key, { oauth_timestamp: '1e9' }), /'Invalid timestamp/],
  ['an empty nonce', () => oauth(alice.key, { oauth_nonce: '' }), /'Invalid nonce/],
  ['a nonce of 256 characters', () => oauth(alice.key, { oauth_nonce: 'a'.repeat(256) }), /'Invalid nonce/],
  [
    'another version',
    () => oauth(alice.key, { oauth_version: '2.0<x>' }),
    /^Authorization Error: 'OAuth version 2\.0\?x\? not supported\.'$/,
  ],
  ['a header without its nonce', () => oauth(alice.key, { oauth_nonce: undefined }), /^Forbidden$/],
  [
    'a nonce with the letters realm, which MAAS drops',
    () => oauth(alice.key, { oauth_nonce: 'surrealm1' }),
    /^Authorization Error: 'Parameter not found: oauth_nonce'$/,
  ],
  [
    'a timestamp that is days ahead, whose nonce would have to be remembered for as long',
    () => oauth(alice.key, { oauth_timestamp: String(Math.floor(Date.now() / 1000) + 90_000) }),
    /^Authorization Error: 'Invalid timestamp: given \d+ and now \d+ is more than a day ahead'$/,
  ],
  [
    'a comma at the end',
    () => `${oauth(alice.key)},`,
    /^Authorization Error: 'Unable to parse OAuth parameters from Authorization header\.'$/,
  ],
  [
    'a space before "="',
    () => oauth(alice.key).replace('oauth_token=', 'oauth_token ='),
    /^Authorization Error: 'Parameter not found: oauth_token'$/,
  ],
  ['a space behind "="', () => oauth(alice.key).replace('token=', 'token= '), /^Authorization Error: 'Invalid access/],
];

for (const [what, authorization, words] of maasWords) {
  test(`an OAuth client with ${what} gets 401 in MAAS's words`, async (t) => {
    const { origin, gateway } = await start(t);
    const { status, headers, body } = await ask(gateway, authorization());
    assert.equal(status, 401);
    assert.match(body.toString(), words);
    assert.equal(headers['www-authenticate'], 'OAuth realm="OAuth"');
    assert.match(String(headers['proxy-status']), /^maas-auth-proxy; error=http_request_denied/);
    assert.equal(origin.received.length, 0);
    assert.equal(gateway.log.find(({ msg }) => msg === 'request')?.['verdict'], 'refused');
  });
}

const documents: readonly [string, string | undefined, RegExp][] = [
  ['no header', undefined, /needs a key/],
  ['an unknown key', 'Bearer a:b:c', /does not know this key/],
  ['a key with a wrong secret', `Bearer ${consumer}:${token}:${'x'.repeat(32)}`, /does not know this key/],
  ['a key with a wrong token', `Bearer ${consumer}:${bob.client.token}:${secret}`, /does not know this key/],
  ['a key with a part too many', `Bearer ${alice.key}:x`, /does not know this key/],
  ['half a key', `Bearer ${consumer}:${token}`, /does not know this key/],
  ['an expired key', `Bearer ${past.key}`, /has expired/],
  ["somebody else's name", basic(`bob:${alice.key}`), /belongs to another name/],
  ['a password that is no key', basic('alice:secret'), /does not know this key/],
  ['Basic without credentials', 'Basic', /OAuth .*Bearer and Basic/],
  ['a scheme that MAAS does not know either', oauth(alice.key).replace('OAuth', 'oauth'), /OAuth .*Bearer and Basic/],
  ['Digest', 'Digest username="alice"', /OAuth .*Bearer and Basic/],
];

for (const [what, authorization, detail] of documents) {
  test(`a client with ${what} gets 401 as a problem document with a challenge`, async (t) => {
    const { origin, gateway } = await start(t);
    const { status, headers, json } = await ask(gateway, authorization);
    assert.equal(status, 401);
    assert.equal(headers['content-type'], 'application/problem+json');
    assert.match(String(headers['www-authenticate']), /^Bearer .*, Basic /);
    assert.equal(json()['code'], 'client-unknown');
    assert.match(String(json()['detail']), detail);
    assert.equal(origin.received.length, 0);
  });
}

test('a signature counts once, whatever is asked with it', async (t) => {
  const { gateway } = await start(t);
  const signature = oauth(alice.key);
  assert.equal((await ask(gateway, signature)).status, 200);
  const again = await ask(gateway, signature);
  assert.equal(again.status, 401);
  assert.match(again.body.toString(), /^Authorization Error: 'Nonce already used: \d+'$/);
  // Another client may have the same nonce by chance.
  const nonce = /oauth_nonce="(\d+)"/.exec(signature)?.[1];
  assert.equal((await ask(gateway, oauth(bob.key, { oauth_nonce: nonce }))).status, 200);
});

test('of many at once with one signature, one gets in', async (t) => {
  const { origin, gateway } = await start(t);
  const signature = oauth(alice.key);
  const replies = await Promise.all(Array.from({ length: 8 }, () => ask(gateway, signature)));
  assert.equal(replies.filter(({ status }) => status === 200).length, 1);
  assert.equal(origin.received.length, 1);
});

test('a refused signature uses up no nonce', async (t) => {
  const { gateway } = await start(t);
  const wrong = oauth(alice.key, { oauth_signature: '%26wrong' });
  assert.equal((await ask(gateway, wrong)).status, 401);
  assert.equal((await ask(gateway, wrong.replace('%26wrong', `%26${secret}`))).status, 200);
});

test('two Authorization headers are refused: which of them counts would be anybody’s guess', async (t) => {
  const { origin, gateway } = await start(t);
  const lines = [`Authorization: Bearer ${alice.key}`, `Authorization: Bearer ${bob.key}`, 'Connection: close'];
  const { head } = await sendRaw(
    t,
    gateway.url,
    `GET /users/ HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}\r\n\r\n`,
  );
  assert.match(head, /^HTTP\/1\.1 400 /);
  assert.equal(origin.received.length, 0);
});

test('on a unix socket too nobody gets in without a key', async (t) => {
  const origin = await startOrigin(t);
  const socketPath = join(emptyDirectory(t), 'proxy.sock');
  await startGateway(t, origin.url, [alice], { flags: ['--socket', socketPath] });
  const statusOf = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request({ socketPath, path: '/users/', headers: { Host: 'localhost', ...headers }, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
  assert.equal(await statusOf({}), 401);
  for (const authorization of [oauth(alice.key), `Bearer ${alice.key}`, basic(`alice:${alice.key}`)]) {
    assert.equal(await statusOf({ Authorization: authorization }), 200);
  }
});

// Why a gateway has let somebody not in: the log and the audit tell it, with the client where the key tells whose it is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { emptyDirectory } from '../support/cli.ts';
import { basic, give, oauth, startGateway, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

const alice = give('alice');
const bob = give('bob');
const past = give('past', { expires: '2020-01-31' });
const [consumer = '', token = '', secret = ''] = alice.key.split(':');
const inSeconds = (offset: number): string => String(Math.floor(Date.now() / 1000) + offset);

/** What is presented, and what the log has of it: the client, and the cause. */
const refusals: readonly [string, () => string | undefined, string | undefined, RegExp][] = [
  ['no key', () => undefined, undefined, /^no key$/],
  ['a scheme that nobody knows', () => 'Digest x', undefined, /^neither OAuth nor Bearer nor Basic$/],
  ['a key without a scheme', () => alice.key, undefined, /^neither OAuth nor Bearer nor Basic$/],
  ['an unknown Bearer key', () => 'Bearer a:b:c', undefined, /^unknown key$/],
  ['a Bearer key with a wrong token', () => `Bearer ${consumer}:x:${secret}`, 'alice', /^wrong token$/],
  ['a Bearer key with a wrong secret', () => `Bearer ${consumer}:${token}:x`, 'alice', /^wrong secret$/],
  ['half a Bearer key', () => `Bearer ${consumer}:${token}`, 'alice', /^wrong secret$/],
  ['a Bearer key with more behind it', () => `Bearer ${alice.key}:x`, 'alice', /^more than the key$/],
  ['an expired Bearer key', () => `Bearer ${past.key}`, 'past', /^expired on 2020-01-31$/],
  ["somebody else's name", () => basic(`bob:${alice.key}`), 'alice', /^another name than the key has$/],
  [
    'an OAuth header without a nonce',
    () => oauth(alice.key, { oauth_nonce: undefined }),
    undefined,
    /^OAuth header: a part of it is missing$/,
  ],
  [
    'an OAuth header of another version',
    () => oauth(alice.key, { oauth_version: '2.0' }),
    undefined,
    /^OAuth header: OAuth version 2\.0 not supported\.$/,
  ],
  ['an unknown consumer key', () => oauth(`x${alice.key}`), undefined, /^unknown key$/],
  ["another client's token", () => oauth(alice.key, { oauth_token: bob.client.token }), 'alice', /^wrong token$/],
  ['a wrong secret', () => oauth(alice.key, { oauth_signature: '%26x' }), 'alice', /^wrong secret$/],
  [
    'HMAC-SHA1',
    () => oauth(alice.key, { oauth_signature_method: 'HMAC-SHA1' }),
    'alice',
    /^unsupported signature method HMAC-SHA1$/,
  ],
  ['an expired key', () => oauth(past.key), 'past', /^expired on 2020-01-31$/],
  [
    'a timestamp of long ago',
    () => oauth(alice.key, { oauth_timestamp: inSeconds(-900) }),
    'alice',
    /^timestamp off by 90[0-9] s, in the past$/,
  ],
  [
    'a timestamp days ahead',
    () => oauth(alice.key, { oauth_timestamp: inSeconds(90_000) }),
    'alice',
    /^timestamp off by (?:90000|8999\d) s, in the future$/,
  ],
  [
    'a timestamp that is no number',
    () => oauth(alice.key, { oauth_timestamp: 'now' }),
    'alice',
    /^malformed timestamp$/,
  ],
  ['an empty nonce', () => oauth(alice.key, { oauth_nonce: '' }), 'alice', /^malformed nonce$/],
];

for (const [what, authorization, client, cause] of refusals) {
  test(`the log and the audit tell of ${what}, and the response does not name the client`, async (t) => {
    const { gateway, ask, audited } = await start(t);
    const reply = await ask(authorization());
    assert.equal(reply.status, 401);
    tells(gateway, reply, client, cause);
    const [record] = await audited();
    assert.equal(record?.['client'], client);
    assert.match(String(record?.['cause']), cause);
  });
}

test('the log tells of a signature that was sent a second time', async (t) => {
  const { gateway, ask } = await start(t);
  const signature = oauth(alice.key);
  assert.equal((await ask(signature)).status, 200);
  tells(gateway, await ask(signature), 'alice', /^replayed nonce$/);
});

test('the log tells whose key it was that has been revoked', async (t) => {
  const origin = await startOrigin(t);
  const file = writeClients(t, [alice, bob]);
  const gateway = await startTestProxy(t, origin.url, { flags: ['--clients-file', file] });
  writeClients(t, [bob], file);
  await until(
    () => gateway.log.some(({ msg }) => String(msg).startsWith('read the clients file')),
    'the file is read again',
  );
  for (const authorization of [`Bearer ${alice.key}`, oauth(alice.key)]) {
    const reply = await send(`${gateway.url}/users/`, { headers: { Authorization: authorization } });
    assert.equal(reply.status, 401);
    tells(gateway, reply, 'alice', /^revoked$/);
  }
  const text = (await send(`${gateway.adminUrl}/metrics`)).body.toString();
  assert.match(text, /requests_total\{operation="GET users",client="-",status="401"\} 2\n/, 'she has proved nothing');
});

async function start(t: TestContext): Promise<{
  gateway: TestProxy;
  ask: (authorization: string | undefined) => Promise<Reply>;
  audited: () => Promise<Record<string, unknown>[]>;
}> {
  const origin = await startOrigin(t);
  const file = join(emptyDirectory(t), 'audit.jsonl');
  const gateway = await startGateway(t, origin.url, [alice, bob, past], { flags: ['--audit-file', file] });
  return {
    gateway,
    ask: (authorization) =>
      send(`${gateway.url}/users/`, { headers: authorization === undefined ? {} : { Authorization: authorization } }),
    async audited() {
      await until(() => readFileSync(file, 'utf8').endsWith('\n'), 'the audit is written');
      return readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

/** Holds the last line of the log against what it should tell, and the response against what it should not. */
function tells({ log }: TestProxy, reply: Reply, client: string | undefined, cause: RegExp): void {
  const line = log.findLast(({ msg }) => msg === 'request');
  assert.equal(line?.['code'], 'client-unknown');
  assert.equal(line?.['client'], client);
  assert.equal(line?.['verdict'], 'refused');
  assert.match(String(line?.['cause']), cause);
  const response = `${reply.body.toString()} ${JSON.stringify(reply.rawHeaders)}`;
  if (client !== undefined) assert.doesNotMatch(response, new RegExp(client));
  for (const { key } of [alice, bob, past]) {
    for (const part of key.split(':')) assert.ok(!JSON.stringify(log).includes(part), 'no part of a key is in the log');
  }
}

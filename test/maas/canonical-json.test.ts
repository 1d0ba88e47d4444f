import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../src/upstream/reuse/canonical-json.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

test('the order of members and white space count for nothing, everything else does', () => {
  const same = ['{"a": 1, "b": {"c": [1, 2], "d": "x y\\""}}', '{ "b":{"d":"x y\\"","c":[1,2]},\n "a":1 }'];
  assert.equal(new Set(same.map(canonicalJson)).size, 1);
  const different = [
    '[1]',
    '[1.0]',
    '[1,2]',
    '[2,1]',
    '["1"]',
    '[9007199254740993]',
    '[9007199254740992]',
    '[[]]',
    '[{}]',
  ];
  assert.equal(new Set(different.map(canonicalJson)).size, different.length);
  assert.ok(different.every((text) => canonicalJson(text) !== undefined));
});

test('what is no JSON, has a name twice or is nested too deep has no canonical form', () => {
  const texts = [
    '',
    '{',
    '[1 2]',
    '[1,]',
    '{"a":1,}',
    '{"a"}',
    '{"a":1 "b":2}',
    '1 2',
    '{"a":1,"a":2}',
    '[}',
    '"',
    '[1]x',
  ];
  for (const text of [...texts, '['.repeat(100_000)]) assert.equal(canonicalJson(text), undefined, text.slice(0, 20));
});

test('strings as long as the whole text are read, and what is longer than 1 MiB is not', () => {
  for (const part of ['x', '\\\\n', '\\\\u0041']) {
    const text = `["${part.repeat(Math.floor(1_000_000 / part.length))}"]`;
    assert.equal(canonicalJson(text), text);
  }
  assert.equal(canonicalJson(`["${'x'.repeat(1_100_000)}"]`), undefined);
});

test('workers of MAAS that order members differently give one ETag, and 304 to who has it', async (t) => {
  let count = 0;
  const origin = await startOrigin(t, (_request, response) => {
    count += 1;
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.end(count % 2 === 0 ? '[{"id": 1, "cidr": "10.0.0.0/24"}]' : '[{"cidr": "10.0.0.0/24", "id": 1}]');
  });
  const proxy = await startTestProxy(t, origin.url, { flags: ['--cache-ttl', '60'] });
  const fresh = { 'Cache-Control': 'no-cache' };
  const { headers } = await send(`${proxy.url}/subnets/`, { headers: fresh });
  const etag = String(headers['etag']);
  const again = await send(`${proxy.url}/subnets/`, { headers: { ...fresh, 'If-None-Match': etag } });
  assert.deepEqual([again.status, again.headers['etag'], count], [304, etag, 2]);
});

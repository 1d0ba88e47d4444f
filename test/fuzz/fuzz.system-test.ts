// What arrives has exactly the bytes that it should, or was refused: addresses, header fields and bodies made up by fast-check,
// in both directions, over bare sockets. What should arrive is said in test/fuzz a second time, in other words than in the
// program. A failure prints its seed and path; `fc.assert(…, { seed, path })` repeats it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isPlain, targetAtMaas, targets } from './addresses.ts';
import { answers } from './answers.ts';
import { bytes, chunks, framed, unchunked } from './bodies.ts';
import { assertFieldsAtClient, assertFieldsAtMaas, mayRefuse } from './field-rules.ts';
import { requestFields, valuesOf, written, type Field } from './fields.ts';
import { startSender } from './sender.ts';

const limit = { timeout: 240_000 };

test('an address arrives below /MAAS/api/2.0 with its bytes unchanged, or is refused', limit, async (t) => {
  const { maas, exchange } = await startSender(t);
  const count = { forwarded: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(targets, async (target) => {
      const arrived = await exchange(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      const expected = targetAtMaas(target);
      count[arrived === undefined ? 'refused' : 'forwarded'] += 1;
      if (arrived === undefined) assert.ok(expected === undefined || !isPlain(target), 'refused without need');
      else assert.equal(arrived.startLine, `GET ${expected} HTTP/1.1`);
    }),
    { numRuns: 2_500 },
  );
  t.diagnostic(JSON.stringify(count));
  assert.ok(count.forwarded > 500 && count.refused > 500, 'the addresses are too much alike');
  assert.equal(maas.received.length, count.forwarded);
});

test(
  "header fields arrive with names, values, order and duplicates unchanged, but for those that are not the client's",
  limit,
  async (t) => {
    const { maas, exchange } = await startSender(t);
    const count = { forwarded: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(requestFields, async (fields) => {
        const sent: Field[] = [['Host', 'localhost'], ['Connection', 'close'], ...fields];
        const arrived = await exchange(`GET /users/ HTTP/1.1\r\n${written(sent)}\r\n`);
        count[arrived === undefined ? 'refused' : 'forwarded'] += 1;
        if (arrived === undefined) assert.ok(mayRefuse(sent), 'refused without need');
        else assertFieldsAtMaas(arrived, sent, new URL(maas.url).host);
      }),
      { numRuns: 1_500 },
    );
    t.diagnostic(JSON.stringify(count));
    assert.ok(count.forwarded > 500, 'most are refused');
    assert.equal(maas.received.length, count.forwarded);
  },
);

const verbs = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS');
const framings = fc.oneof(fc.constant('length' as const), chunks);
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 });

test('a body arrives byte for byte and with its length, in whatever pieces it was sent', limit, async (t) => {
  const { exchange } = await startSender(t);
  await fc.assert(
    fc.asyncProperty(verbs, bytes(6_000), framings, cuts, async (verb, body, how, cutAt) => {
      const head = `${verb} /tags/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`;
      const arrived = (await exchange(head + framed(body, how), cutAt)) ?? assert.fail('refused');
      // A body of a GET means nothing, neither to MAAS nor to RFC 9110 §9.3.1.
      const expected = verb === 'GET' ? '' : body;
      assert.equal(arrived.body, expected);
      const length = valuesOf(arrived.fields, 'content-length').join();
      assert.ok(length === String(expected.length) || (length === '' && expected === ''), `Content-Length: ${length}`);
      assert.deepEqual(valuesOf(arrived.fields, 'transfer-encoding'), []);
      // What stands behind the chunks is not carried over: neither MAAS nor its web server reads it.
      assert.deepEqual(valuesOf(arrived.fields, 'x-trailer'), []);
    }),
    { numRuns: 1_000 },
  );
});

test(
  "an answer comes back with status, header fields and body unchanged, but for fields that are not MAAS's to set",
  limit,
  async (t) => {
    const { maas, answered } = await startSender(t);
    await fc.assert(
      fc.asyncProperty(answers, async (answer) => {
        maas.response = answer;
        const { startLine, fields, body } = await answered(
          'GET /users/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
        );
        const { status, reason } = answer;
        if (isPlain(reason.replaceAll(/[ \t]/g, ''))) assert.equal(startLine, `HTTP/1.1 ${status} ${reason}`);
        else assert.equal(startLine.split(' ')[1], String(status));
        assertFieldsAtClient(fields, answer.fields);
        const isChunked = valuesOf(fields, 'transfer-encoding').length > 0;
        assert.equal(isChunked ? unchunked(body) : body, answer.body);
      }),
      { numRuns: 1_500 },
    );
  },
);

// The conformance corpus on this program alone; `npm run conformance` runs nginx, HAProxy and Caddy beside it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { corpus } from './corpus.ts';
import { deviations } from './deviations.ts';
import { openLanes, type Lanes } from './lanes.ts';
import { transcript } from './transcript.ts';
import { ours } from './targets/ours.ts';

test('the corpus holds at least 120 cases, each with an id of its own', () => {
  assert.ok(corpus.length >= 120, `${corpus.length} cases`);
  assert.equal(new Set(corpus.map(({ id }) => id)).size, corpus.length);
});

test('no rule that binds is among the known deviations', () => {
  for (const id of deviations.keys()) {
    const each = corpus.find((other) => other.id === id);
    assert.ok(each !== undefined && (each.level === 'SHOULD' || each.level === 'MAY'), id);
  }
});

describe('HTTP conformance', { concurrency: 4 }, () => {
  let lanes: Lanes;
  before(async () => {
    lanes = await openLanes(ours, 4);
  });
  after(() => lanes.stop());
  for (const each of corpus) {
    test(`${each.id}: ${each.title} (${each.section}, ${each.level})`, async () => {
      const verdict = await lanes.run(each);
      if (deviations.has(each.id))
        assert.ok(!verdict.passed, `${each.id} is no deviation any more: take it off the list`);
      else assert.ok(verdict.passed, transcript(each, verdict));
    });
  }
});

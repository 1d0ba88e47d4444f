// Clients that do not read what they have asked for: what waits for them is bounded, and costs the others nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlowReaders } from '../src/answer/slow-readers.ts';

test('a client that reads again is no longer among the slow ones', () => {
  const slow = createSlowReaders(400_000);
  const cut: string[] = [];
  const response = (name: string) => {
    const one = { writableLength: 130_000 } as Parameters<typeof slow.wait>[0];
    slow.wait(one, () => void cut.push(name));
    return one;
  };
  const first = response('first');
  response('second');
  assert.deepEqual(cut, []);
  slow.goOn(first);
  response('third');
  assert.deepEqual(cut, []);
  response('fourth');
  assert.deepEqual(cut, ['second']);
});

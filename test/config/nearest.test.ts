import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../src/spelling/nearest.ts';
import { allOperations } from '../data/operations.ts';

const names = [
  'POLICY',
  'PORT',
  'MAAS_URL',
  'MAAS_API_KEY',
  'MAX_REQUESTS',
  'deploy',
  'release',
  'power_on',
  'power_off',
];

for (const [word, expected] of [
  ['POLCY', 'POLICY'],
  ['policy', 'POLICY'],
  ['MAAS_ULR', 'MAAS_URL'],
  ['MAASURL', 'MAAS_URL'],
  ['MAAS_APIKEY', 'MAAS_API_KEY'],
  ['delpoy', 'deploy'],
  ['deploy', 'deploy'],
  ['poweron', 'power_on'],
  ['power_of', 'power_off'],
  ['power_om', 'power_on'],
  ['PROT', 'PORT'],
  ['PATH', undefined],
  ['HOME', undefined],
  ['', undefined],
  ['x', undefined],
  ['lock', undefined],
  ['mark_broken', undefined],
] as const) {
  test(`"${word}" is taken for ${expected ?? 'none of the names'}`, () => {
    assert.equal(nearest(word, names), expected);
  });
}

test('any op of MAAS with a letter left out, doubled or swapped is found again', () => {
  const ops = new Set(allOperations.flatMap(({ op }) => op ?? []));
  for (const op of ops) {
    for (let at = 0; at < op.length; at += 1) {
      const mistyped = [
        op.slice(0, at) + op.slice(at + 1),
        op.slice(0, at) + op.slice(at, at + 1) + op.slice(at),
        op.slice(0, at) + op.slice(at + 1, at + 2) + op.slice(at, at + 1) + op.slice(at + 2),
      ];
      for (const word of mistyped) {
        // Another op may be as near, never none.
        assert.notEqual(nearest(word, ops), undefined, word);
      }
      assert.equal(nearest(op, ops), op);
    }
  }
});

test('a word of a million letters costs no noticeable time', () => {
  assert.equal(nearest('a'.repeat(1_000_000), names), undefined);
});

test('where a third of the letters is too many, fewer can be asked for', () => {
  assert.equal(nearest('MAX_REQESTSS', names), 'MAX_REQUESTS');
  assert.equal(nearest('MAX_REQESTSS', names, 1), undefined);
  assert.equal(nearest('MAX_REQESTS', names, 1), 'MAX_REQUESTS');
  assert.equal(nearest('abcdef', ['uvwxyz'], 6), undefined, 'more than a third never');
});

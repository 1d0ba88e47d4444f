import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { pino } from 'pino';
import { ApiKey } from '../../src/maas/api-key.ts';

const text = 'Gd3kAbCdEfGhIjKlMn:TokenTokenTokenTok:SecretSecretSecretSecretSecret00';

test('a key is read with white space around it cut', () => {
  const key = ApiKey.parse(` \n${text}\r\n`);
  assert.equal(key.consumer, 'Gd3kAbCdEfGhIjKlMn');
  assert.equal(key.token, 'TokenTokenTokenTok');
  assert.equal(key.revealSecret(), 'SecretSecretSecretSecretSecret00');
  assert.equal(key.hasUsualShape, true);
});

test('a key of other lengths is accepted, and known as unusual', () => {
  assert.equal(ApiKey.parse('a:b:c').hasUsualShape, false);
});

test('a key shows as its fingerprint wherever it is printed', () => {
  const key = ApiKey.parse(text);
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  log.info({ key, deep: { key } }, `the key ${key}`);
  for (const shown of [
    String(key),
    `${key}`,
    JSON.stringify({ key }),
    inspect(key),
    inspect({ deep: { deeper: { key } } }, { depth: null, showHidden: true }),
    lines.join(''),
    JSON.stringify(Object.entries(key)),
    JSON.stringify(structuredClone(key)),
  ]) {
    assert.doesNotMatch(shown, /Secret|Token/);
  }
  assert.equal(`${key}`, 'Gd3k…');
  assert.equal(JSON.stringify(key), '"Gd3k…"');
  assert.match(inspect(key), /Gd3k…/);
});

test('the fingerprint of a short key does not show all of it', () => {
  assert.equal(ApiKey.parse('abcd:t:s').fingerprint, 'ab…');
  assert.equal(ApiKey.parse('a:b:c').fingerprint, '…');
});

for (const [bad, sentence] of [
  ['', /is empty/],
  ['hunter2', /has 1 part instead of three/],
  ['hunter2:hunter2', /has 2 parts instead of three/],
  ['hunter2:b:c:d', /has 4 parts instead of three/],
  [':hunter2:hunter2', /empty consumer key \(the first part\)/],
  ['hunter2::hunter2', /empty token \(the second part\)/],
  ['hunter2:hunter2:', /empty secret \(the third part\)/],
  ['hunter2:hunter2:hunt er2', /other than letters and digits in its secret/],
  ['hunter2:hunter2":hunter2', /other than letters and digits in its token/],
  ['hünter2:hunter2:hunter2', /other than letters and digits in its consumer key/],
  ['"hunter2:hunter2:hunter2"', /quotation marks/],
] as const) {
  test(`the key "${bad.replaceAll(/h\S*nter2/g, '…')}" is refused with the part that is wrong, and not repeated`, () => {
    assert.throws(
      () => ApiKey.parse(bad),
      (error: Error) => {
        assert.match(error.message, sentence);
        assert.doesNotMatch(error.message, /nter2/);
        return true;
      },
    );
  });
}

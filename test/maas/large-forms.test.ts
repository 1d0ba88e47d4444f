// A form that is read for its op: whatever its size, it holds nobody up, and it is read as Django reads it.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formOps, formOpsInPieces } from '../../src/maas/forms/form.ts';
import type { FormOps } from '../../src/maas/operations/operation.ts';

const urlencoded = 'application/x-www-form-urlencoded';
const multipart = 'multipart/form-data; boundary=b';

/** One character for each byte, as `unquote_plus` decodes it. */
function decoded(raw: string): string {
  if (!raw.includes('%')) return raw.replaceAll('+', ' ');
  const bytes = raw
    .replaceAll('+', ' ')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

function opsOf(pairs: readonly string[]): string[] {
  return pairs
    .map((pair) => /^([^=]*)=?([^]*)$/.exec(pair) ?? [])
    .filter(([, name = '']) => decoded(name) === 'op')
    .map(([, , value = '']) => decoded(value));
}

/** What Python's `parse_qsl` and `unquote_plus` make of it, in few words, and slowly. */
function reference(text: string): FormOps {
  const ops = opsOf(text.split('&'));
  return opsOf(text.split(/[&;]/)).length > ops.length ? { ops: [], isAmbiguous: true } : { ops, isAmbiguous: false };
}

const pieces = [
  'op',
  '=',
  '&',
  ';',
  'deploy',
  '%6f',
  '%6F',
  '%70',
  'o',
  'p',
  '%',
  '+',
  ' ',
  '\0',
  '\n',
  'x',
  '%c3%a9',
  '6f',
  '%7',
];
const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 25 }).map((found) => found.join(''));

test('the op of any form is found as Django finds it, also where the form is read in pieces', async () => {
  const filler = `${'x'.repeat(2 ** 20 - 12)}`;
  await fc.assert(
    fc.asyncProperty(soup, async (text) => {
      assert.deepEqual(formOps(urlencoded, Buffer.from(text, 'latin1')), reference(text));
    }),
    { numRuns: 20_000 },
  );
  await fc.assert(
    fc.asyncProperty(soup, soup, async (text, more) => {
      // The end of the first piece stands somewhere in the soup.
      const large = Buffer.from(`${filler}&${text}&${more}`, 'latin1');
      assert.deepEqual(await formOpsInPieces(urlencoded, large), reference(`${text}&${more}`));
    }),
    { numRuns: 100 },
  );
});

const part = (name: string, value: string): string =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const size = 10 * 2 ** 20;
const filled = (text: string): string => text.repeat(size / text.length);

for (const [what, type, body, expected] of [
  ['one field of 10 MB', urlencoded, filled('x'), { ops: [], isAmbiguous: false }],
  ['5 million empty fields', urlencoded, filled('&&'), { ops: [], isAmbiguous: false }],
  ['2 million names that are nearly op', urlencoded, filled('&%6fq'), { ops: [], isAmbiguous: false }],
  ['an op behind 10 MB', urlencoded, `${filled('a=b&')}op=deploy`, { ops: ['deploy'], isAmbiguous: false }],
  ['3 million ops, of which MAAS reads none', urlencoded, filled('op&'), { ops: [], isAmbiguous: true }],
  ['an op of 10 MB', urlencoded, `op=${filled('x')}`, { ops: [], isAmbiguous: true }],
  [
    'a file of 10 MB',
    multipart,
    `${part('f', filled('x'))}${part('op', 'deploy')}--b--\r\n`,
    { ops: ['deploy'], isAmbiguous: false },
  ],
  ['2 million delimiters', multipart, filled('--b\r\n'), { ops: [], isAmbiguous: true }],
  ['10 MB behind its end', multipart, `${part('a', 'x')}--b--${filled(' ')}`, { ops: [], isAmbiguous: true }],
  [
    '1,000 names of escapes',
    multipart,
    `${part('%6f%70'.repeat(140), '').repeat(1_000)}--b--`,
    { ops: [], isAmbiguous: true },
  ],
] as const) {
  test(`a form with ${what} is read in pieces, each of which holds the event loop for moments`, async () => {
    const bytes = Buffer.from(body, 'latin1');
    let longest = 0;
    let cpu = process.cpuUsage();
    const reading = new AbortController();
    let turns = 0;
    // The processor's time, so that a busy machine makes no difference; the bound is far above what one look at each byte takes.
    const watching = (async () => {
      while (!reading.signal.aborted) {
        cpu = process.cpuUsage();
        await turn();
        turns += 1;
        longest = Math.max(longest, process.cpuUsage(cpu).user / 1000);
      }
    })();
    const read = await formOpsInPieces(type, bytes);
    reading.abort();
    await watching;
    assert.deepEqual(read, expected);
    assert.ok(longest < 2_000, `${longest} ms at a time`);
    if (type === urlencoded && !expected.isAmbiguous) assert.ok(turns >= 10, `${turns} turns of the event loop`);
  });
}

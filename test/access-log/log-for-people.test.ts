// A line of the log for people: a time, a level with a colour, and a sentence.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFormatForPeople } from '../../src/output/for-people.ts';

const time = new Date(2026, 10, 25, 9, 2, 3).toISOString();
const line = (entry: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify({ level: 'info', time, ...entry })}\n`;

test('a person reads the local time, the level and the message', () => {
  const format = createFormatForPeople(false);
  assert.equal(format(line({ msg: 'stopped' })), '[09:02:03] INFO: stopped\n');
});

test('on a terminal each level has a colour, and so has the message', () => {
  const format = createFormatForPeople(true);
  const starts = { trace: 90, debug: 34, info: 32, warn: 33, error: 31, fatal: 41 };
  for (const [level, start] of Object.entries(starts)) {
    const end = level === 'fatal' ? 49 : 39;
    assert.equal(
      format(line({ level, msg: 'stopped' })),
      `[09:02:03] \u001b[${start}m${level.toUpperCase()}\u001b[${end}m: \u001b[36mstopped\u001b[39m\n`,
    );
  }
});

test('a message stays on one line, and commands to the terminal are written out', () => {
  const format = createFormatForPeople(false);
  assert.equal(format(line({ msg: 'one\ntwo \u001b[2J' })), '[09:02:03] INFO: one two \\u001b[2J\n');
});

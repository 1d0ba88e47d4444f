import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { settings, type Setting } from '../../src/config/settings.ts';
import { problemCodes } from '../../src/problem.ts';

const readme = readFileSync(resolve('README.md'), 'utf8');

/** The row of the README's table that a setting should have. */
function row({ flag, argument, env, default: value, defaultText, help }: Setting<unknown>): string {
  const flagCell = flag === undefined ? '–' : `\`--${flag}${argument === undefined ? '' : ` ${argument}`}\``;
  const shown = defaultText ?? value;
  const defaultCell = shown === undefined ? '–' : defaultText === undefined ? `\`${String(shown)}\`` : defaultText;
  return `| ${flagCell} | ${env.map((name) => `\`${name}\``).join(', ')} | ${defaultCell} | ${help} |`;
}

test("the README's table has every setting, as the program has it, in its order", () => {
  const expected = Object.values(settings).map((setting) => row(setting as Setting<unknown>));
  const found = readme.split('\n').filter((line) => /^\| (?:`--|– \| `)/.test(line));
  assert.deepEqual(found, expected);
});

test("the README's list of problems has every code, and no other", () => {
  const found = [...readme.matchAll(/^\| `([a-z-]+)` \| \d{3}/gm)].map(([, code]) => code);
  assert.deepEqual(found.toSorted(), [...problemCodes].toSorted());
});

test('the two lines that start everything stand in the README', () => {
  assert.ok(readme.includes('npm ci && npm run demo'));
  assert.ok(readme.includes('npm ci && npm test'));
});

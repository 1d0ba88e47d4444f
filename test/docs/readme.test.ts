import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tables, withTable } from '../../docs/generate/tables.ts';

const readme = readFileSync('README.md', 'utf8');

for (const table of tables) {
  test(`${table.page} lists what the program has; npm run docs writes it`, () => {
    const page = readFileSync(table.page, 'utf8');
    assert.equal(page, withTable(page, table));
  });
}

test('the two lines that start everything stand in the README', () => {
  assert.ok(readme.includes('npm ci && npm run demo'));
  assert.ok(readme.includes('npm ci && npm test'));
});

test('the README can be read in a few minutes: 130 lines at most', () => {
  assert.ok(readme.split('\n').length <= 131);
});

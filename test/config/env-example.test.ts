import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'dotenv';
import { settings, type Setting } from '../../src/config/settings.ts';

const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8');
const all: Setting<unknown>[] = Object.values(settings);
const toFillIn = ['MAAS_URL', 'MAAS_API_KEY'];

/** A setting as it stands in the example: help, further names and the default in words; below it the line to change. */
function block({ env: [name = '', ...others], help, default: value, defaultText }: Setting<unknown>): string {
  const notes = others.map((other) => `also ${other}`);
  if (defaultText !== undefined) notes.push(`default: ${defaultText}`);
  const shown = value === undefined || defaultText !== undefined ? '' : String(value);
  const sign = toFillIn.includes(name) ? '' : '#';
  return `# ${help}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}\n${sign}${name}=${shown}\n`;
}

test('.env.example holds every setting with its help and its default, in the order of --help', () => {
  let from = 0;
  for (const setting of all) {
    const at = example.indexOf(`\n${block(setting)}`, from);
    assert.notEqual(at, -1, `.env.example lacks, at this place:\n\n${block(setting)}`);
    from = at + 1;
  }
});

test('.env.example holds no name that is no setting', () => {
  const names = [...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);
  const known = new Set(all.map(({ env }) => env[0]));
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
  assert.equal(new Set(names).size, names.length, 'a name stands there twice');
});

test('a copy of .env.example sets nothing until it is filled in', () => {
  assert.deepEqual(parse(example), Object.fromEntries(toFillIn.map((name) => [name, ''])));
});

test('the defaults that .env.example shows are what the program reads them as', () => {
  const uncommented = parse(example.replaceAll(/^#(?=[A-Z][A-Z0-9_]*=)/gm, ''));
  for (const { env, default: value, read, defaultText } of all) {
    if (value === undefined || defaultText !== undefined) continue;
    assert.deepEqual(read(uncommented[env[0] ?? ''] ?? ''), value, env[0]);
  }
});

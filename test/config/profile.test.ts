import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import sqlite from 'node-sqlite3-wasm';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory, runCli, startCli } from '../support/cli.ts';

/** A home directory with logins as `maas login` keeps them. */
function homeWith(t: TestContext, profiles: Readonly<Record<string, unknown>>): string {
  const home = emptyDirectory(t);
  const database = new sqlite.Database(join(home, '.maascli.db'));
  database.run('CREATE TABLE profiles (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data BLOB)');
  for (const [name, data] of Object.entries(profiles)) {
    database.run('INSERT INTO profiles (name, data) VALUES (?, ?)', [name, JSON.stringify(data)]);
  }
  database.close();
  return home;
}

test("--profile takes address and key from the MAAS CLI's login", async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const home = homeWith(t, {
    lab: { name: 'lab', url: `${maas.url}/MAAS/api/2.0/`, credentials: maas.adminKey.split(':'), cacerts: null },
  });
  const running = startCli(t, ['--profile', 'lab', '--port', '0', '--admin-port', 'off'], {
    HOME: home,
    MAAS_URL: 'http://127.0.0.1:1', // a flag outranks the environment
    MAAS_API_KEY: 'a:b:c',
  });
  await running.printed(/the key is admin, administrator/);
  assert.match(running.output(), /profile lab of the MAAS CLI/);
});

test('an unknown profile: the sentence lists those that there are', async (t) => {
  const home = homeWith(t, { lab: {}, prod: {} });
  const { code, stderr } = await runCli(t, ['--profile', 'lob'], { HOME: home });
  assert.equal(code, 2);
  assert.match(stderr, /names the login "lob", which .* does not have; it has: lab, prod\./);
});

test('a profile without a key, and a database that is none, are said so', async (t) => {
  const home = homeWith(t, { lab: { url: 'http://h/MAAS', credentials: null } });
  assert.match((await runCli(t, ['--profile', 'lab'], { HOME: home })).stderr, /holds no API key; log in again/);
  writeFileSync(join(home, '.maascli.db'), 'not a database');
  assert.match((await runCli(t, ['--profile', 'lab'], { HOME: home })).stderr, /cannot be read as such/);
});

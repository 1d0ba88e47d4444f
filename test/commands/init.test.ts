// `init` in a terminal and with pipes: what it asks, tries and writes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import sqlite from 'node-sqlite3-wasm';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory, startCli, type Ended } from '../support/cli.ts';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const driver = resolve('test/support/pseudo-terminal.py');
const wrongKey = 'wrongConsumer00001:wrongToken00000001:WrongSecret000000000000000000001';
const enter = '\r';
const down = '\u001b[B';

async function startMaas(t: TestContext): Promise<Simulator> {
  const maas = await startSimulator();
  t.after(() => maas.close());
  return maas;
}

interface Place {
  readonly cwd: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A working directory, which is the home directory too. */
function place(t: TestContext, dotenv?: string): Place {
  const cwd = emptyDirectory(t);
  const file = join(cwd, '.env');
  if (dotenv !== undefined) writeFileSync(file, dotenv);
  return { cwd, file, env: { HOME: cwd } };
}

/** Runs the program with a pipe as its standard input. */
function pipe(args: readonly string[], { cwd, env }: Place, input: string): Promise<Ended> {
  const child = spawn(process.execPath, [cli, 'init', ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  child.stdin.on('error', () => {}); // what needs no input reads none
  child.stdin.end(input);
  return endOf(child);
}

/** Runs the program in a terminal: each step waits for a text, and presses keys then. */
function inTerminal(
  t: TestContext,
  args: readonly string[],
  { cwd, env }: Place,
  steps: readonly (readonly [string, string])[],
  columns = 100,
): Promise<Ended> {
  const command = [driver, String(columns), JSON.stringify(steps), process.execPath, cli, 'init', ...args];
  const child = spawn('python3', command, { cwd, env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env } });
  t.after(() => child.kill('SIGKILL'));
  child.stdin.end();
  return endOf(child);
}

function endOf(child: ReturnType<typeof spawn>): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done) => child.on('close', (code, signal) => done({ code, signal, stdout, stderr })));
}

function assertUnseen(key: string, { stdout, stderr }: Ended): void {
  for (const secret of [key, ...key.split(':').slice(1)]) assert.ok(!(stdout + stderr).includes(secret), stdout);
}

function modeOf(file: string): number {
  return statSync(file).mode & 0o777;
}

for (const columns of [80, 0]) {
  test(`in a terminal of ${columns} columns init asks, tries, writes, and says how to go on`, async (t) => {
    const maas = await startMaas(t);
    const where = place(t);
    const steps = [
      ["MAAS's address", maas.url + enter],
      ['API key', maas.adminKey + enter],
    ] as const;
    const ended = await inTerminal(t, [], where, steps, columns);
    assert.equal(ended.code, 0, ended.stdout);
    assert.match(ended.stdout, /✓ API key +MAAS takes it/);
    assert.match(ended.stdout, / {2}maas-auth-proxy\r?\n {2}curl 'http:\/\/localhost:8240\/users\/\?op=whoami'/);
    assertUnseen(maas.adminKey, ended);
    assert.equal(readFileSync(where.file, 'utf8'), `MAAS_URL=${maas.url}\nMAAS_API_KEY=${maas.adminKey}\n`);
    assert.equal(modeOf(where.file), 0o600);
    assert.deepEqual(readdirSync(where.cwd), ['.env']);
  });
}

test('what init has written, the proxy starts with', async (t) => {
  const maas = await startMaas(t);
  const where = place(t);
  assert.equal((await pipe(['--maas-url', maas.url], where, `${maas.adminKey}\n`)).code, 0);
  const running = startCli(t, ['--port', '0', '--admin-port', 'off'], where.env, where.cwd);
  await running.printed(/the key is admin, administrator/);
});

test('a wrong key is explained as check does, and init asks again', async (t) => {
  const maas = await startMaas(t);
  const where = place(t);
  const steps = [
    ["MAAS's address", maas.url + enter],
    ['API key', wrongKey + enter],
    ['Try again', ''],
    ["MAAS's address", maas.url + enter],
    ['API key', maas.adminKey + enter],
  ] as const;
  const ended = await inTerminal(t, [], where, steps);
  assert.equal(ended.code, 0, ended.stdout);
  assert.match(ended.stdout, /✗ API key/);
  assertUnseen(wrongKey, ended);
  assertUnseen(maas.adminKey, ended);
  assert.match(readFileSync(where.file, 'utf8'), new RegExp(maas.adminKey));
});

test('what cannot be an address or a key is asked for again at once, and not repeated', async (t) => {
  const maas = await startMaas(t);
  const where = place(t);
  const steps = [
    ["MAAS's address", `ftp://maas${enter}`],
    ["MAAS's address must", `${'\u007f'.repeat(10)}${maas.url}${enter}`],
    ['API key', `only:two-parts${enter}`],
    ['has 2 parts', maas.adminKey + enter],
  ] as const;
  const ended = await inTerminal(t, [], where, steps);
  assert.equal(ended.code, 0, ended.stdout);
  assertUnseen('only:two-parts', ended);
  assertUnseen(maas.adminKey, ended);
});

for (const [name, keys] of [
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
] as const) {
  test(`${name} ends init with a sentence, and nothing is written`, async (t) => {
    const where = place(t);
    const ended = await inTerminal(t, ['--maas-url', 'http://127.0.0.1:1'], where, [['API key', keys]]);
    assert.equal(ended.code, 130, ended.stdout);
    assert.match(ended.stdout, /Stopped; nothing was written\./);
    assert.deepEqual(readdirSync(where.cwd), []);
  });
}

test('init changes a .env only where it is told to, and keeps its other lines', async (t) => {
  const maas = await startMaas(t);
  const before =
    '# ours\nPORT=8250 # not 8240\nexport MAAS_URL=http://old # the lab\nMAAS_API_KEY_FILE=/old\n\nOTHER="a\nMAAS_URL=b"\nMAAS_PROXY_API_KEY=a:b:c\nPOLICY=read-only\n';
  const where = place(t, before);
  chmodSync(where.file, 0o644);
  const answers = [
    ["MAAS's address", '\u0015' + maas.url + enter],
    ['API key', maas.adminKey + enter],
  ] as const;
  const kept = await inTerminal(t, [], where, [['There is a .env here', `n${enter}`]]);
  assert.equal(kept.code, 1);
  assert.match(kept.stdout, /Nothing was written\./);
  assert.equal(readFileSync(where.file, 'utf8'), before);
  const ended = await inTerminal(t, [], where, [['There is a .env here', `y${enter}`], ...answers]);
  assert.equal(ended.code, 0, ended.stdout);
  assert.match(ended.stdout, /localhost:8250/);
  assert.equal(
    readFileSync(where.file, 'utf8'),
    `# ours\nPORT=8250 # not 8240\nexport MAAS_URL=${maas.url} # the lab\n\nOTHER="a\nMAAS_URL=b"\nMAAS_API_KEY=${maas.adminKey}\nPOLICY=read-only\n`,
  );
  assert.equal(modeOf(where.file), 0o600);
});

test('a login of the MAAS CLI can be chosen, or another MAAS', async (t) => {
  const maas = await startMaas(t);
  const where = place(t, 'MAAS_URL=http://old\nMAAS_API_KEY=a:b:c\n');
  const database = new sqlite.Database(join(where.cwd, '.maascli.db'));
  database.run('CREATE TABLE profiles (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data BLOB)');
  for (const [name, credentials] of [
    ['lab', maas.adminKey.split(':')],
    ['out', null],
  ] as const) {
    const data = JSON.stringify({ name, url: `${maas.url}/MAAS/api/2.0/`, credentials });
    database.run('INSERT INTO profiles (name, data) VALUES (?, ?)', [name, data]);
  }
  database.close();
  const login = await inTerminal(t, ['--force'], where, [['Which MAAS is it?', enter]]);
  assert.equal(login.code, 0, login.stdout);
  assert.match(login.stdout, /lab, http/);
  assert.doesNotMatch(login.stdout, /out, http/);
  assertUnseen(maas.adminKey, login);
  assert.equal(readFileSync(where.file, 'utf8'), 'MAAS_PROFILE=lab\n');
  const steps = [
    ['Which MAAS is it?', down + enter],
    ["MAAS's address", maas.url + enter],
    ['API key', maas.adminKey + enter],
  ] as const;
  assert.equal((await inTerminal(t, ['--force'], where, steps)).code, 0);
  assert.equal(readFileSync(where.file, 'utf8'), `MAAS_URL=${maas.url}\nMAAS_API_KEY=${maas.adminKey}\n`);
  assert.equal((await pipe(['--force', '--profile', 'lab'], where, '')).code, 0);
  assert.equal(readFileSync(where.file, 'utf8'), 'MAAS_PROFILE=lab\n');
});

test('without a terminal a check that fails ends with 1, and nothing is written; --no-check writes', async (t) => {
  const maas = await startMaas(t);
  const where = place(t);
  const refused = await pipe(['--maas-url', maas.url], where, wrongKey);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /✗ API key/);
  assert.equal(refused.stderr, 'Nothing was written; --no-check writes the values untried.\n');
  assert.equal(existsSync(where.file), false);
  const written = await pipe(['--maas-url', maas.url, '--no-check'], where, wrongKey);
  assert.equal(written.code, 0);
  assert.match(written.stdout, / {2}maas-auth-proxy check\n {2}maas-auth-proxy\n/);
  assert.equal(readFileSync(where.file, 'utf8'), `MAAS_URL=${maas.url}\nMAAS_API_KEY=${wrongKey}\n`);
  for (const ended of [refused, written]) assertUnseen(wrongKey, ended);
});

test('without a terminal a .env stays as it is unless --force is given', async (t) => {
  const maas = await startMaas(t);
  const where = place(t, 'PORT=8250\n');
  const kept = await pipe(['--maas-url', maas.url], where, maas.adminKey);
  assert.deepEqual([kept.code, readFileSync(where.file, 'utf8')], [1, 'PORT=8250\n']);
  assert.match(kept.stderr, /^There is a \.env here, and nothing was written: --force /);
  assert.equal((await pipe(['--maas-url', maas.url, '--force'], where, maas.adminKey)).code, 0);
  assert.match(readFileSync(where.file, 'utf8'), /^PORT=8250\nMAAS_URL=/);
});

test('without a terminal a missing address or key, and a key that is none, are said so', async (t) => {
  const where = place(t);
  const sentences: readonly (readonly [readonly string[], string, RegExp])[] = [
    [[], wrongKey, /^MAAS's address is missing: add --maas-url/],
    [['--maas-url', 'http://maas'], '', /^No key came on standard input: pipe it in/],
    [['--maas-url', 'http://maas'], 'a:b', /^The key on standard input has 2 parts/],
    [['--maas-url', 'http://maas', '--api-key', wrongKey], '', /^There is no flag for the key itself/],
    [['--profile', 'lab', '--prot', '1'], '', /did you mean --port\?/],
  ];
  for (const [args, input, sentence] of sentences) {
    const ended = await pipe(args, where, input);
    assert.equal(ended.code, 2, ended.stdout);
    assert.match(ended.stderr, sentence);
    assertUnseen(wrongKey, ended);
  }
  assert.deepEqual(readdirSync(where.cwd), []);
});

test('a variable of the environment that would win over .env is named', async (t) => {
  const maas = await startMaas(t);
  const where = place(t);
  const env = { ...where.env, MAAS_API_KEY: wrongKey };
  const ended = await pipe(['--maas-url', maas.url], { ...where, env }, maas.adminKey);
  assert.equal(ended.code, 0);
  assert.match(ended.stderr, /^MAAS_API_KEY in the environment wins over \.env: unset it/);
  assertUnseen(wrongKey, ended);
});

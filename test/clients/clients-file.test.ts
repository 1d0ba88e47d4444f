// The clients file among many writers, and among writers that are killed.
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ClientsError, endOf } from '../../src/clients/client.ts';
import { changeClients, readClients } from '../../src/clients/file/clients-file.ts';
import { parseClients } from '../../src/clients/file/parse-clients.ts';
import { takeLock } from '../../src/clients/file/lock.ts';
import { replaceFile } from '../../src/clients/file/replace-file.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { createDice } from '../support/dice.ts';
import { give } from '../support/gateway.ts';
import { until } from '../support/until.ts';

test('of ten commands at once none loses what another has written', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'clients.json');
  const names = Array.from({ length: 10 }, (_, index) => `client-${index}`);
  const ended = await Promise.all(names.map((name) => runCli(t, ['keys', 'add', name], { CLIENTS_FILE: file })));
  assert.deepEqual(
    ended.map(({ code }) => code),
    names.map(() => 0),
  );
  const clients = readClients(file);
  assert.deepEqual(clients.map(({ name }) => name).toSorted(), names);
  // Each has printed the key of its own client.
  const printed = ended.map(({ stdout }) => stdout.split(':')[0]);
  assert.deepEqual(
    names.map((name) => clients.find((client) => client.name === name)?.consumer),
    printed,
  );
  assert.deepEqual(readdirSync(directory), ['clients.json']);
});

/** Adds clients without end, and says the name of each that is in the file. */
const writer = `
  const [path, giver, file, prefix] = process.argv.slice(1);
  const { changeClients } = await import(path);
  const { makeKey } = await import(giver);
  for (let count = 0; ; count += 1) {
    const { client } = makeKey({ name: prefix + count });
    await changeClients(file, (clients) => [...clients, client]);
    process.stdout.write(client.name + '\\n');
  }
`;

function moduleOf(name: string): string {
  return new URL(`../../src/clients/${name}.js`, import.meta.url).href;
}

function startWriter(file: string, prefix: string, said: string[]): ChildProcess {
  const args = ['--input-type=module', '-e', writer, moduleOf('file/clients-file'), moduleOf('new-key'), file, prefix];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    said.push(...lines);
  });
  return child;
}

test('writers that are killed at any moment leave a whole file, lose nothing, and hold nobody up', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'clients.json');
  const dice = createDice(5);
  const said: string[] = [];
  let kills = 0;
  for (let round = 0; round < 20; round += 1) {
    const before = said.length;
    const children = [startWriter(file, `a${round}.`, said), startWriter(file, `b${round}.`, said)];
    t.after(() => children.map((child) => child.kill('SIGKILL')));
    const closed = children.map((child) => once(child, 'close'));
    // Some writes, whoever does them; then the end, somewhere in the middle of one.
    while (said.length < before + 3) await Promise.race(children.map((child) => once(child.stdout ?? child, 'data')));
    for (const child of children) {
      await wait(dice() * 12);
      child.kill('SIGKILL');
      kills += 1;
    }
    await Promise.all(closed);
    const names = new Set(parseClients(readFileSync(file, 'utf8')).map(({ name }) => name));
    assert.deepEqual(
      said.filter((name) => !names.has(name)),
      [],
    );
  }
  const started = performance.now();
  await changeClients(file, (clients) => [...clients, give('last').client]);
  assert.ok(performance.now() - started < 10_000, 'what a killed writer has left holds up the next one');
  assert.equal(readClients(file).at(-1)?.name, 'last');
  t.diagnostic(`${kills} killed, ${said.length} written, left over: ${readdirSync(directory).length - 1}`);
});

test('what killed processes have left is removed in time', async (t) => {
  const file = join(emptyDirectory(t), 'clients.json');
  const leftover = `${file}.0123456789ab.new`;
  writeFileSync(leftover, '{"cl');
  await changeClients(file, () => [give('a').client]);
  assert.ok(statSync(leftover).isFile(), 'it may belong to a process that is at work');
  utimesSync(leftover, 0, 0);
  await changeClients(file, (clients) => clients);
  assert.equal(statSync(leftover, { throwIfNoEntry: false }), undefined);
});

for (const [whose, pid, isHere, ageSeconds] of [
  ['a process that is no more', 2 ** 31 - 2, true, 0],
  ['a process on another machine, of long ago', 1, false, 60],
  ['a process here that hangs', process.pid, true, 60],
  ['a process that was killed before it wrote its name', undefined, true, 2],
] as const) {
  test(`the lock of ${whose} holds nobody up`, async (t) => {
    const file = join(emptyDirectory(t), 'clients.json');
    const own = await takeLock(`${file}.lock`, 0);
    const [, here = ''] = readFileSync(`${file}.lock`, 'utf8').split(' ');
    own?.release();
    writeFileSync(`${file}.lock`, pid === undefined ? '' : `${pid} ${isHere ? here : 'elsewhere'} 0`);
    const then = Date.now() / 1000 - ageSeconds;
    utimesSync(`${file}.lock`, then, then);
    await changeClients(file, () => [give('a').client]);
    assert.equal(readClients(file).length, 1);
    assert.equal(statSync(`${file}.lock`, { throwIfNoEntry: false }), undefined);
  });
}

test('the lock of a process that is at work is waited for', async (t) => {
  const file = join(emptyDirectory(t), 'lock');
  const first = await takeLock(file, 0);
  assert.equal(await takeLock(file, 50), undefined);
  const second = takeLock(file, 10_000);
  first?.release();
  assert.equal((await second)?.isHeld(), true);
  assert.equal(first?.isHeld(), false);
});

test('a writer whose lock was taken over in the meantime starts again, and loses nothing', async (t) => {
  const file = join(emptyDirectory(t), 'clients.json');
  let calls = 0;
  await changeClients(file, (clients) => {
    calls += 1;
    if (calls === 1) {
      // Another command took this one for dead, and was faster.
      rmSync(`${file}.lock`);
      replaceFile(file, JSON.stringify({ clients: [give('other').client] }));
    }
    return [...clients, give('mine').client];
  });
  assert.equal(calls, 2);
  assert.deepEqual(
    readClients(file).map(({ name }) => name),
    ['other', 'mine'],
  );
});

test('a change that the gateway would refuse does not get into the file', async (t) => {
  const file = join(emptyDirectory(t), 'clients.json');
  const { client } = give('a');
  await assert.rejects(
    changeClients(file, () => [client, client]),
    (error) => error instanceof ClientsError && /it has the same consumer key as client 1/.test(error.message),
  );
  assert.equal(statSync(file, { throwIfNoEntry: false }), undefined);
});

const faults: readonly [string, unknown, RegExp][] = [
  ['a mistyped member', { expire: '2027-01-31' }, /it has no member "expire", but "expires"$/],
  ['a member that there is not', { colour: 'red' }, /it has no member "colour"$/],
  ['an end that is no date', { expires: '2027-02-31' }, /its "expires" is no date/],
  ['an end that is a number', { expires: 1_800_000_000 }, /its "expires" is no date/],
  ['a policy that there is not', { policy: 'readonly' }, /its policy: "readonly" is none of standard, .*, and no path/],
  ['a policy that is a number', { policy: 1 }, /its "policy" must be a preset, the path of a file of rules, or a list/],
  ['a rule that is none', { policy: ['GET **', 'GET'] }, /its policy: rule 2: "GET" is no rule/],
  ['no rules', { policy: [] }, /its policy: it holds no rule/],
  ['a limit of nothing', { limits: { perMinute: 0 } }, /its "limits" are no object with whole numbers above 0/],
  ['a limit that there is not', { limits: { perHour: 5 } }, /its "limits" are no object/],
  ['a limit as a word', { limits: { atOnce: '5' } }, /its "limits" are no object/],
  ['a list of limits', { limits: [] }, /its "limits" are no object/],
  ['a name with a space', { name: 'a b' }, /in client 2: its "name" must be made of letters, digits/],
  ['a name with a line break', { name: 'a\n' }, /in client 2: its "name" must be made of letters, digits/],
  ['a hash that is too short', { secretSha256: 'ab' }, /its "secretSha256" must be the SHA-256 of the secret, 64 hex/],
  ['no token', { token: undefined }, /its "token" is missing$/],
];

for (const [what, change, sentence] of faults) {
  test(`a clients file in which a client has ${what} is refused in a sentence with line and client`, () => {
    const [good, bad] = [give('good').client, { ...give('bad').client, ...(change as object) }];
    const text = JSON.stringify({ clients: [good, bad] }, undefined, 2);
    const [member = ''] = Object.keys(change as object);
    const lines = text.split('\n');
    const entry = lines.lastIndexOf('    {') + 1;
    const line = lines.findIndex((one, index) => index >= entry && one.includes(`"${member}":`)) + 1 || entry;
    assert.throws(() => parseClients(text), sentence);
    assert.throws(() => parseClients(text), new RegExp(`^ClientsError: has a mistake in line ${line}, in client 2`));
  });
}

for (const [what, text, sentence] of [
  ['ends too early', '{"clients": [', /^is not valid JSON: line 1, column 14: it ends there, and more should follow$/],
  ['has a comma too much', '{"clients": [\n  {},\n]}', /^is not valid JSON: line 2, column 5: a comma too much$/],
  ['lacks a comma', '{"clients": [\n {"a": 1\n  "b": 2}]}', /line 3, column 3: a comma is missing before it$/],
  ['lacks a colon', '{"clients" []}', /line 1, column 12: a colon is missing before it$/],
  ['has single quotes', "{'clients': []}", /line 1, column 2: a name in double quotes should stand there$/],
  ['has a comment', '{"clients": [\n // mine\n]}', /line 2, column 2: JSON has no comments$/],
  ['goes on behind its end', '[]\n[]', /line 2, column 1: it should end before that$/],
  ['is YAML', 'clients:\n  - name: a', /line 1, column 1: something that is no JSON$/],
  ['is empty', ' \n', /^is empty; "keys add NAME" puts the first key into it$/],
  [
    'is in UTF-16',
    Buffer.from('\uFEFF{"clients": []}', 'utf16le').toString(),
    /^is no text in UTF-8; save it as UTF-8/,
  ],
  ['has no list', '{"client": []}', /^must be an object with a list of "clients"/],
  ['holds a number', '{"clients": [1]}', /^has a mistake in line 1, in client 1: it is no object/],
] as const) {
  test(`a clients file that ${what} is refused in a sentence that says where`, () => {
    assert.throws(
      () => parseClients(text),
      (error) => error instanceof ClientsError && sentence.test(error.message),
    );
  });
}

test('the same consumer key twice is told by both clients', () => {
  const { client } = give('a');
  const text = JSON.stringify([client, give('b').client, { ...client, name: 'c' }], undefined, 1);
  assert.throws(
    () => parseClients(text),
    /has a mistake in line 16, in client 3 \(c\): it has the same consumer key as client 1$/,
  );
});

test('a byte order mark before a clients file is no mistake, nor is a bare list', () => {
  const { client } = give('a');
  assert.equal(parseClients(`\uFEFF${JSON.stringify({ clients: [client] })}`).length, 1);
  assert.equal(parseClients(`\uFEFF ${JSON.stringify([client])}\n`).length, 1);
});

for (const [expires, end] of [
  ['2027-01-31', '2027-01-31T23:59:59Z'],
  ['2027-01-31T18:00+02:00', '2027-01-31T16:00:00Z'],
  ['2027-01-31T18:00:00.5Z', '2027-01-31T18:00:00.5Z'],
  [undefined, undefined],
] as const) {
  test(`a key that expires ${expires ?? 'never'} ends ${end ?? 'never'}`, () => {
    const [client] = parseClients(JSON.stringify([{ ...give('a').client, expires }]));
    assert.equal(endOf(client ?? {}), end === undefined ? Number.POSITIVE_INFINITY : Date.parse(end));
  });
}

test('commands that name the file by links, and by its own path, lose nothing of each other', async (t) => {
  const directory = emptyDirectory(t);
  mkdirSync(join(directory, 'real'));
  symlinkSync('real', join(directory, 'aside'));
  // The first one makes the file that the links lead to.
  symlinkSync(join('real', 'clients.json'), join(directory, 'link.json'));
  symlinkSync('clients.json', join(directory, 'real', 'link.json'));
  const paths = ['real/clients.json', 'link.json', 'aside/clients.json', 'aside/link.json', 'real/link.json'];
  const said: string[] = [];
  const writers = paths.map((path, index) => startWriter(join(directory, path), `w${index}.`, said));
  t.after(() => writers.map((child) => child.kill('SIGKILL')));
  await until(() => said.length >= 100, 'a hundred clients');
  const closed = writers.map((child) => once(child, 'close'));
  for (const child of writers) child.kill('SIGKILL');
  await Promise.all(closed);
  const file = join(directory, 'real', 'clients.json');
  const kept = new Set(readClients(file).map(({ name }) => name));
  assert.deepEqual(
    said.filter((name) => !kept.has(name)),
    [],
  );
  for (const link of ['link.json', 'aside', 'real/link.json']) {
    assert.ok(lstatSync(join(directory, link)).isSymbolicLink(), link);
  }
});

test('links that lead to themselves are told as such, and replaced by nothing', async (t) => {
  const file = join(emptyDirectory(t), 'clients.json');
  symlinkSync('clients.json', file);
  await assert.rejects(
    changeClients(file, () => [give('a').client]),
    (error) => error instanceof ClientsError && /^is a symbolic link that leads to itself$/.test(error.message),
  );
  assert.ok(lstatSync(file).isSymbolicLink());
});

test('a pipe or a device that is named as the clients file is refused, and stays what it is', async (t) => {
  const file = join(emptyDirectory(t), 'pipe');
  execFileSync('mkfifo', [file]);
  const { code, stdout, stderr } = await runCli(t, ['keys', 'add', 'alice'], { CLIENTS_FILE: file });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^The clients file \S+ is a device, a pipe or a socket; name a file, which is made if there is none\.\n$/,
  );
  assert.ok(statSync(file).isFIFO());
});

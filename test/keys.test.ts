// The command `keys`: what an operator types, sees, and finds in the file.
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readClients } from '../src/clients/clients-file.ts';
import { emptyDirectory, runCli, type Ended } from './support/cli.ts';
import { send } from './support/request.ts';
import { startOrigin } from './support/origin.ts';
import { startTestProxy } from './support/proxy.ts';

/** A directory with a clients file in it, and the command that keeps it. */
function operator(t: TestContext): {
  directory: string;
  file: string;
  keys(...args: string[]): Promise<Ended>;
  /** Makes a key. */
  add(...args: string[]): Promise<string>;
} {
  const directory = emptyDirectory(t);
  const file = join(directory, 'clients.json');
  const keys = (...args: string[]): Promise<Ended> => runCli(t, ['keys', ...args], { CLIENTS_FILE: file }, directory);
  return {
    directory,
    file,
    keys,
    async add(...args) {
      const { code, stdout, stderr } = await keys('add', ...args);
      assert.equal(code, 0, stderr);
      return stdout.trim();
    },
  };
}

test('keys add prints a key as MAAS makes them, once; the file is for its owner alone and holds a hash', async (t) => {
  const { file, keys, directory } = operator(t);
  const { code, stdout, stderr } = await keys('add', 'alice');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^[A-Za-z0-9]{18}:[A-Za-z0-9]{18}:[A-Za-z0-9]{32}\n$/);
  assert.equal(stderr, 'This key of alice is shown this once. Its policy is standard, and it never ends.\n');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const secret = stdout.trim().split(':')[2] ?? '';
  assert.ok(!readFileSync(file, 'utf8').includes(secret));
  assert.deepEqual(readdirSync(directory), ['clients.json']);
  const listed = await keys('list');
  assert.match(
    listed.stdout,
    /^NAME +KEY +POLICY +LIMITS +EXPIRES +LAST USED\nalice +\w{4}… +standard +– +never +unknown\n$/,
  );
});

test('keys add writes down all that it was told', async (t) => {
  const { file, directory, add, keys } = operator(t);
  mkdirSync(join(directory, 'maas'));
  writeFileSync(join(directory, 'maas', 'key'), 'a:b:c\n');
  writeFileSync(join(directory, 'rules'), '# zones alone\nread-only\nPOST zones/  # to make one\n');
  await add('bob', '--policy', 'read-only', '--expires', '2099-01-31', '--per-minute', '60', '--at-once', '4');
  await add('carol', '--policy', './rules', '--maas-key-file', 'maas/key', '--expires', '30d');
  const [bob, carol] = readClients(file);
  assert.equal(bob?.policy, 'read-only');
  assert.equal(bob?.expires, '2099-01-31T23:59:59.000Z');
  assert.deepEqual(bob?.limits, { perMinute: 60, atOnce: 4 });
  assert.equal(carol?.policy?.at(-1), 'POST zones/');
  assert.equal(carol?.policy?.[0], 'allow GET **');
  assert.equal(carol?.maasKeyFile, 'maas/key');
  const days = (Date.parse(carol?.expires ?? '') - Date.now()) / 86_400_000;
  assert.ok(days > 29.9 && days <= 30, `${days}`);
  const { stdout } = await keys('list');
  assert.match(stdout, /^bob +\w{4}… +read-only +60 a minute, 4 at once +2099-01-31T23:59:59\.000Z +unknown$/m);
  assert.match(stdout, /^carol +\w{4}… +24 rules +– /m);
});

test("a new key can do no more than the gateway's own POLICY, where that is known", async (t) => {
  const { file, directory } = operator(t);
  const { code } = await runCli(t, ['keys', 'add', 'dave'], { CLIENTS_FILE: file, POLICY: 'read-only' }, directory);
  assert.equal(code, 0);
  assert.equal(readClients(file)[0]?.policy, 'read-only');
});

test('keys rotate: both keys work for as long as --overlap says, and all that the client may do stays', async (t) => {
  const { file, add, keys } = operator(t);
  const origin = await startOrigin(t);
  const old = await add('alice', '--policy', 'read-only', '--expires', '60d', '--at-once', '2');
  const rotated = await keys('rotate', 'alice', '--overlap', '2h');
  assert.equal(rotated.code, 0, rotated.stderr);
  const made = rotated.stdout.trim();
  const gateway = await startTestProxy(t, origin.url, { flags: ['--clients-file', file] });
  for (const key of [old, made]) {
    const { status } = await send(`${gateway.url}/users/`, { headers: { Authorization: `Bearer ${key}` } });
    assert.equal(status, 200);
  }
  const [first, second] = readClients(file);
  const hours = (Date.parse(first?.expires ?? '') - Date.now()) / 3_600_000;
  assert.ok(hours > 1.9 && hours <= 2, `${hours}`);
  const { name, policy, limits, expires } = second ?? {};
  assert.deepEqual({ name, policy, limits }, { name: 'alice', policy: 'read-only', limits: { atOnce: 2 } });
  assert.ok(Date.parse(expires ?? '') > Date.now() + 59 * 86_400_000);

  // A key that ends before the overlap does not live longer by it.
  assert.equal((await keys('rotate', 'alice', '--overlap', '4w')).code, 0);
  assert.equal(readClients(file)[0]?.expires, first?.expires);
  assert.equal((await keys('rotate', 'alice', '--overlap', '0')).code, 0);
  assert.deepEqual(
    readClients(file).map((client) => client.expires !== undefined && Date.parse(client.expires) > Date.now()),
    [true],
  );
});

test('an expired key is rotated with a new end only', async (t) => {
  const { file, add, keys } = operator(t);
  await add('alice', '--expires', '1d');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"expires": "[^"]+"/, '"expires": "2020-01-01"'));
  assert.match((await keys('list')).stdout, /expired 2020-01-01/);
  const refused = await keys('rotate', 'alice');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /has expired; say by --expires when the new one ends\.\n$/);
  assert.equal((await keys('rotate', 'alice', '--expires', '1d')).code, 0);
  assert.equal(readClients(file).length, 1);
});

test('keys revoke ends every key of a client, and no other', async (t) => {
  const { file, add, keys } = operator(t);
  await add('alice');
  await add('bob');
  await keys('rotate', 'alice');
  const { code, stdout } = await keys('revoke', 'alice');
  assert.equal(code, 0);
  assert.equal(stdout, 'alice gets in no more.\n');
  assert.deepEqual(
    readClients(file).map(({ name }) => name),
    ['bob'],
  );
});

test('a link to the clients file stays one, and rights that its group had stay', async (t) => {
  const { file, directory, keys } = operator(t);
  const real = join(directory, 'real.json');
  // A container's mount is an empty file at first.
  writeFileSync(real, '');
  chmodSync(real, 0o644);
  symlinkSync('real.json', file);
  assert.equal((await keys('add', 'alice')).code, 0);
  assert.ok(lstatSync(file).isSymbolicLink());
  assert.equal(statSync(real).mode & 0o777, 0o640);
  assert.equal(readClients(real).length, 1);
});

const mistakes: readonly [string[], RegExp][] = [
  [['keys'], /^keys needs one of add NAME, list, revoke NAME, rotate NAME\.$/],
  [['keys', 'drop', 'x'], /^keys needs one of /],
  [['keys', 'add'], /^keys add needs one name\.$/],
  [['keys', 'add', 'a', 'b'], /^keys add needs one name\.$/],
  [['keys', 'list', 'a'], /^keys list needs no name\.$/],
  [['keys', 'revoke'], /^keys revoke needs one name\.$/],
  [['keys', 'add', 'a b'], /^A name is made of letters, digits/],
  [['keys', 'add', '../a'], /^A name is made of letters, digits/],
  [['keys', 'add', 'x', '--expires', 'soon'], /^--expires must be a time span such as 30d, or a date/],
  [['keys', 'add', 'x', '--expires', '2027-02-31'], /^--expires must be a time span such as 30d, or a date/],
  [['keys', 'add', 'x', '--expires', '2020-01-31'], /^--expires must lie in the future\.$/],
  [['keys', 'add', 'x', '--expires', '0d'], /^--expires must lie in the future\.$/],
  [['keys', 'add', 'x', '--expires'], /^--expires needs a value\.$/],
  [['keys', 'add', 'x', '--policy', 'readonly'], /^--policy must be standard, read-only, unrestricted/],
  [['keys', 'add', 'x', '--policy', './missing'], /^--policy names the file \.\/missing, which does not exist\.$/],
  [
    ['keys', 'add', 'x', '--maas-key-file', 'missing'],
    /^--maas-key-file names the file missing, which does not exist\.$/,
  ],
  [
    ['keys', 'add', 'x', '--maas-key-file', 'no-key'],
    /^--maas-key-file names the file no-key: the key in it has 1 part/,
  ],
  [
    ['keys', 'add', 'x', '--per-minute', '0'],
    /^--per-minute must be a whole number from 1 to 1000000 in plain digits, not "0"\.$/,
  ],
  [
    ['keys', 'add', 'x', '--at-once', 'few'],
    /^--at-once must be a whole number from 1 to 1000000 in plain digits, not "few"\.$/,
  ],
  [['keys', 'rotate', 'x', '--overlap', '1y'], /^--overlap must be a time span such as 24h or 30m, or 0\.$/],
  [['keys', 'list', '--expires', '3d'], /^--expires belongs to keys add and keys rotate alone\.$/],
  [['keys', 'rotate', 'x', '--policy', 'standard'], /^--policy belongs to keys add alone\.$/],
  [['keys', 'add', 'x', '--colour', 'red'], /^--colour is not a flag of this command; --help lists them\.$/],
];

test('wrong usage is told in one sentence each, ends with 2, and changes nothing', async (t) => {
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, 'no-key'), 'nonsense');
  const run = (args: string[], env = {}): Promise<Ended> => runCli(t, args, env, directory);
  for (const [args, sentence] of mistakes) {
    const { code, stdout, stderr } = await run(args, { CLIENTS_FILE: 'clients.json' });
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr.trimEnd(), sentence);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  }
  const unnamed = await run(['keys', 'list']);
  assert.equal(unnamed.code, 2);
  assert.equal(
    unnamed.stderr,
    'No clients file is named: set --clients-file or CLIENTS_FILE, for example to clients.json.\n',
  );
  assert.deepEqual(readdirSync(directory), ['no-key']);
});

test('what cannot be done is told in a sentence, ends with 1, and changes nothing', async (t) => {
  const { file, directory, add, keys } = operator(t);
  const missing = await keys('list');
  assert.equal(missing.code, 1);
  assert.equal(missing.stderr, `The clients file ${file} does not exist.\n`);
  const key = await add('alice');
  const before = readFileSync(file, 'utf8');
  const twice = await keys('add', 'alice');
  assert.equal(twice.code, 1);
  assert.equal(twice.stdout, '');
  assert.match(twice.stderr, /has a client alice already; rotate its key, or revoke it first\.\n$/);
  assert.match((await keys('revoke', 'bob')).stderr, /has no client bob\.\n$/);
  assert.match((await keys('rotate', 'bob')).stderr, /has no client bob\.\n$/);
  const nowhere = await runCli(t, ['keys', 'add', 'x', '--clients-file', 'no/where.json'], {}, directory);
  assert.equal(nowhere.code, 1);
  assert.equal(nowhere.stderr, 'The clients file no/where.json cannot be written: its directory does not exist.\n');
  // A key in the place of a name is not repeated.
  const pasted = await keys('revoke', key);
  assert.equal(pasted.code, 2);
  assert.ok(!pasted.stderr.includes(key.slice(-32)));
  assert.equal(readFileSync(file, 'utf8'), before);

  writeFileSync(file, '{"clients": [');
  for (const command of [['add', 'x'], ['revoke', 'x'], ['rotate', 'x'], ['list']]) {
    const broken = await keys(...command);
    assert.equal(broken.code, 1);
    assert.equal(broken.stderr, `The clients file ${file} is not valid JSON.\n`);
  }
  assert.equal(readFileSync(file, 'utf8'), '{"clients": [');
});

test('keys --help says what each of its words does', async (t) => {
  const { code, stdout } = await runCli(t, ['keys', '--help']);
  assert.equal(code, 0);
  for (const word of ['add NAME', 'list', 'revoke NAME', 'rotate NAME', '--expires WHEN', '--overlap SPAN', '--policy'])
    assert.ok(stdout.includes(`  ${word} `), word);
});

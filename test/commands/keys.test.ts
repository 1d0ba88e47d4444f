// The command `keys`: what an operator types, sees, and finds in the file.
import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
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
import { readClients } from '../../src/clients/file/clients-file.ts';
import { addSpan } from '../../src/clients/duration.ts';
import { emptyDirectory, runCli, type Ended } from '../support/cli.ts';
import { send } from '../support/request.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';

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
  assert.equal(stderr, 'This key of alice is shown only once. Its policy is standard, and it never expires.\n');
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
  assert.equal(carol?.policy, './rules');
  assert.equal(carol?.maasKeyFile, 'maas/key');
  const days = (Date.parse(carol?.expires ?? '') - Date.now()) / 86_400_000;
  assert.ok(days > 29.9 && days <= 30, `${days}`);
  const { stdout } = await keys('list');
  assert.match(stdout, /^bob +\w{4}… +read-only +60 a minute, 4 at once +2099-01-31T23:59:59\.000Z +unknown$/m);
  assert.match(stdout, /^carol +\w{4}… +\.\/rules +– /m);
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
  assert.match(refused.stderr, /has expired; set the new key's expiry with --expires\.\n$/);
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
  assert.equal(stdout, 'The keys of alice are revoked; requests with them are refused from now on.\n');
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

test('keys set changes what it is told to, of all keys of a client, and no more', async (t) => {
  const { file, directory, add, keys } = operator(t);
  writeFileSync(join(directory, 'maas.key'), 'a:b:c\n');
  const key = await add('alice', '--policy', 'read-only', '--per-minute', '60', '--at-once', '4', '--expires', '60d');
  await add('bob');
  await keys('rotate', 'alice', '--overlap', '2h');
  const before = readClients(file);
  const limited = await keys('set', 'alice', '--per-minute', 'none', '--maas-key-file', 'maas.key');
  assert.equal(limited.code, 0, limited.stderr);
  assert.match(limited.stdout, /^alice: its policy is read-only, and it expires \d{4}-\S+Z\.\n$/);
  const ended = await keys('set', 'alice', '--expires', 'never', '--policy', 'unrestricted');
  assert.equal(ended.stdout, 'alice: its policy is unrestricted, and it never expires.\n');
  const after = readClients(file);
  const alices = after.filter(({ name }) => name === 'alice');
  for (const alice of alices) {
    assert.deepEqual(alice.limits, { atOnce: 4 });
    assert.equal(alice.policy, 'unrestricted');
    assert.equal(alice.maasKeyFile, 'maas.key');
  }
  assert.deepEqual(
    alices.map(({ expires }) => expires),
    [before.find(({ consumer }) => consumer === key.slice(0, 18))?.expires, undefined],
  );
  assert.deepEqual(
    after.map(({ consumer }) => consumer),
    before.map(({ consumer }) => consumer),
  );
  assert.deepEqual(
    after.filter(({ name }) => name === 'bob'),
    before.filter(({ name }) => name === 'bob'),
  );
  const gone = await keys('set', 'alice', '--at-once', 'none', '--maas-key-file', 'none');
  assert.equal(gone.code, 0);
  assert.deepEqual(Object.keys(readClients(file).find(({ name }) => name === 'alice') ?? {}).toSorted(), [
    'consumer',
    'expires',
    'name',
    'policy',
    'secretSha256',
    'token',
  ]);
  const nobody = await keys('set', 'alic', '--at-once', '1');
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /has no client alic; it has one called alice\.\n$/);
});

test("keys set does not take the gateway's POLICY of the environment for what is to be set", async (t) => {
  const { file, directory, add } = operator(t);
  await add('alice', '--policy', 'read-only');
  const env = { CLIENTS_FILE: file, POLICY: 'unrestricted' };
  assert.equal((await runCli(t, ['keys', 'set', 'alice', '--at-once', '2'], env, directory)).code, 0);
  assert.equal(readClients(file)[0]?.policy, 'read-only');
  assert.equal((await runCli(t, ['keys', 'set', 'alice'], env, directory)).code, 2);
});

test('keys show tells all that is known of a client, and list and show the same to scripts; no secret is in it', async (t) => {
  const { file, directory, add, keys } = operator(t);
  writeFileSync(join(directory, 'robot.rules'), 'read-only\nPOST zones/\n');
  const robot = await add('robot', '--policy', 'robot.rules', '--expires', '2099-01-31', '--at-once', '4');
  await add('alice');
  const shown = await keys('show', 'robot');
  assert.equal(shown.code, 0, shown.stderr);
  assert.equal(
    shown.stdout.replace(/\w{4}…/, 'KEY…').replace(/\d+ rules/, 'N rules'),
    [
      'name       robot',
      'key        KEY…',
      'policy     robot.rules, now N rules',
      'limits     4 at once',
      'expires    2099-01-31T23:59:59.000Z',
      'last used  unknown',
      "MAAS key   the gateway's",
      '',
    ].join('\n'),
  );
  writeFileSync(join(directory, 'robot.rules'), 'POST\n');
  assert.match(
    (await keys('show', 'robot')).stdout,
    /^policy +robot\.rules; it cannot be used now: it names the file \S+: line 1: /m,
  );
  // Old files have rules inside.
  const text = readFileSync(file, 'utf8').replace('"robot.rules"', '["read-only", "POST zones/"]');
  writeFileSync(file, text);
  assert.match((await keys('show', 'robot')).stdout, /^policy {5}2 rules\n {11}read-only\n {11}POST zones\/\n/m);
  const { keys: listed } = JSON.parse((await keys('list', '--json')).stdout) as { keys: Record<string, unknown>[] };
  assert.deepEqual(listed[0], {
    name: 'robot',
    key: `${robot.slice(0, 4)}…`,
    policy: ['read-only', 'POST zones/'],
    perMinute: null,
    atOnce: 4,
    expires: '2099-01-31T23:59:59.000Z',
    hasExpired: false,
    lastUsed: null,
    maasKeyFile: null,
  });
  assert.equal(listed.length, 2);
  assert.equal((JSON.parse((await keys('show', 'alice', '--json')).stdout) as { keys: unknown[] }).keys.length, 1);
  const [consumer = '', token = '', secret = ''] = robot.split(':');
  const hash = readClients(file)[0]?.secretSha256 ?? '';
  for (const words of [['show', 'robot'], ['show', 'robot', '--json'], ['list'], ['list', '--json']]) {
    const { stdout } = await keys(...words);
    for (const hidden of [consumer, token, secret, hash]) assert.ok(!stdout.includes(hidden), words.join(' '));
  }
  assert.equal((await keys('show', 'nobody')).code, 1);
});

test('ends are understood as months, years, dates and never', async (t) => {
  const { file, add } = operator(t);
  const end = async (when: string): Promise<number> => {
    await add(`c${readdirSync(join(file, '..')).length}-${when.replaceAll(':', '.')}`, '--expires', when);
    return Date.parse(readClients(file).at(-1)?.expires ?? '');
  };
  const day = 86_400_000;
  const days = async (when: string): Promise<number> => ((await end(when)) - Date.now()) / day;
  const months = await days('3mo');
  assert.ok(months > 88.9 && months <= 92, `${months} days`);
  const years = await days('1y');
  assert.ok(years > 364.9 && years <= 366, `${years} days`);
  const minutes = (await days('3min')) * 24 * 60;
  assert.ok(minutes > 1 && minutes <= 3, `${minutes} minutes`);
  assert.equal(await end('2099-01-31'), Date.parse('2099-01-31T23:59:59Z'));
  assert.equal(await end('2099-01-31T18:00:00Z'), Date.parse('2099-01-31T18:00:00Z'));
  assert.equal(await end('never'), Number.NaN);
  assert.equal(addSpan('1mo', Date.parse('2027-01-31T12:00:00Z')), Date.parse('2027-02-28T12:00:00Z'));
  assert.equal(addSpan('1y', Date.parse('2028-02-29T12:00:00Z')), Date.parse('2029-02-28T12:00:00Z'));
});

test('a clients file with another name by a hard link is changed, and the other name is said to keep the old', async (t) => {
  const { file, directory, add, keys } = operator(t);
  await add('alice');
  linkSync(file, join(directory, 'backup.json'));
  const { code, stderr } = await keys('revoke', 'alice');
  assert.equal(code, 0);
  assert.match(stderr, /had another hard link, which keeps the old content: a gateway that reads the file there /);
  assert.deepEqual(readClients(file), []);
  assert.equal(readClients(join(directory, 'backup.json')).length, 1);
  assert.equal((await keys('add', 'bob')).stderr.includes('hard link'), false);
});

const mistakes: readonly [string[], RegExp][] = [
  [['keys'], /^keys needs one of add NAME, set NAME, show NAME, list, rotate NAME, revoke NAME\.$/],
  [['keys', 'drop', 'x'], /^keys needs one of /],
  [['keys', 'revok', 'x'], /^keys needs one of .*; did you mean revoke\?$/],
  [['keys', 'set', 'x'], /^keys set needs at least one of --policy, --expires, --maas-key-file, --per-minute/],
  [['keys', 'set', '--at-once', '3'], /^keys set needs one name\.$/],
  [['keys', 'show'], /^keys show needs one name\.$/],
  [['keys', 'add', 'x', '--json'], /^--json belongs to keys show and keys list only\.$/],
  [
    ['keys', 'add', 'x', '--expires', '3m'],
    /^--expires could be 3 minutes or 3 months: write 3min or 3mo \(valid forms are /,
  ],
  [['keys', 'set', 'x', '--expires', '3M'], /^--expires could be 3 minutes or 3 months: write 3min or 3mo \(/],
  [['keys', 'rotate', 'x', '--overlap', '30m'], /^--overlap could be 30 minutes or 30 months: write 30min or 30mo \(/],
  [['keys', 'add', 'x', '--expires', '99999y'], /^--expires must be a time span \(/],
  [['keys', 'rotate', 'x', '--overlap', 'never'], /^--overlap must be a time span such as /],
  [['keys', 'add'], /^keys add needs one name\.$/],
  [['keys', 'add', 'a', 'b'], /^keys add needs one name\.$/],
  [['keys', 'list', 'a'], /^keys list needs no name\.$/],
  [['keys', 'revoke'], /^keys revoke needs one name\.$/],
  [['keys', 'add', 'a b'], /^A name is made of letters, digits/],
  [['keys', 'add', '../a'], /^A name is made of letters, digits/],
  [
    ['keys', 'add', 'x', '--expires', 'soon'],
    /^--expires must be a time span \(45min, 12h, 30d, 2w, 3mo or 1y\), a date \(2027-01-31, .*\), or never, not "/,
  ],
  [
    ['keys', 'add', 'x', '--expires', '2027-02-31'],
    /^--expires must be a time span \(45min, 12h, 30d, 2w, 3mo or 1y\), a date \(2027-01-31, .*\), or never, not "/,
  ],
  [['keys', 'add', 'x', '--expires', '2020-01-31'], /^--expires must lie in the future, and 20\S+Z does not\.$/],
  [['keys', 'add', 'x', '--expires', '0d'], /^--expires must lie in the future, and 20\S+Z does not\.$/],
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
  [['keys', 'rotate', 'x', '--overlap', 'day'], /^--overlap must be a time span such as 45min, .*, or 0, not "day"\.$/],
  [['keys', 'list', '--expires', '3d'], /^--expires belongs to keys add, keys set and keys rotate only\.$/],
  [['keys', 'rotate', 'x', '--policy', 'standard'], /^--policy belongs to keys add and keys set only\.$/],
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
  assert.match(
    twice.stderr,
    /has a client alice already; keys set changes what it may do, keys rotate gives it another key\.\n$/,
  );
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
  for (const command of [
    ['add', 'x'],
    ['revoke', 'x'],
    ['rotate', 'x'],
    ['list'],
    ['show', 'x'],
    ['set', 'x', '--at-once', '1'],
  ]) {
    const broken = await keys(...command);
    assert.equal(broken.code, 1);
    assert.match(
      broken.stderr,
      /^The clients file \S+ is not valid JSON: line 1, column 14: it ends there, and more should follow\.\n$/,
    );
  }
  assert.equal(readFileSync(file, 'utf8'), '{"clients": [');
});

test('keys --help says what each of its words does', async (t) => {
  const { code, stdout } = await runCli(t, ['keys', '--help']);
  assert.equal(code, 0);
  for (const word of [
    'add NAME',
    'set NAME',
    'show NAME',
    'list',
    'revoke NAME',
    'rotate NAME',
    '--expires WHEN',
    '--overlap SPAN',
    '--policy',
  ])
    assert.ok(stdout.includes(`  ${word} `), word);
});

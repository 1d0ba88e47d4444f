// Policies of clients that are files of rules: kept by their name, and followed.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readClients } from '../../src/clients/file/clients-file.ts';
import { waysToChange } from '../support/changing-file.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { give, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

const readsOnly = 'read-only\n';
const andTags = 'read-only\nPOST tags/ -\n';

async function gateway(t: TestContext, file: string): Promise<TestProxy> {
  return startTestProxy(t, (await startOrigin(t)).url, { flags: ['--clients-file', file] });
}

function postTag({ url }: TestProxy, key: string): Promise<Reply> {
  return send(`${url}/tags/`, { method: 'POST', headers: { Authorization: `Bearer ${key}` } });
}

function said({ log }: TestProxy, sentence: RegExp): number {
  return log.filter(({ msg }) => sentence.test(String(msg))).length;
}

for (const [way, makeFile] of Object.entries(waysToChange)) {
  test(`the file that a client's policy is in may be ${way}, and is in force within a second`, async (t) => {
    const directory = emptyDirectory(t);
    const rules = makeFile(directory, 'robot.rules', readsOnly);
    const file = join(directory, 'clients.json');
    const { code, stdout, stderr } = await runCli(
      t,
      ['keys', 'add', 'robot', '--policy', 'robot.rules'],
      { CLIENTS_FILE: file },
      directory,
    );
    assert.equal(code, 0, stderr);
    assert.equal(readClients(file)[0]?.policy, 'robot.rules');
    const proxy = await gateway(t, file);
    const refused = await postTag(proxy, stdout.trim());
    assert.equal(refused.status, 403);
    assert.match(String(refused.json()['detail']), /^The policy "robot\.rules" refuses POST tags:/);
    assert.match(String(refused.json()['detail']), /let the file robot\.rules end with the line "allow POST tags"/);
    rules.write(andTags);
    await until(
      () => said(proxy, /^read the policy file \S+robot\.rules again: \d+ rules$/) === 1,
      'the change is told',
    );
    assert.equal((await postTag(proxy, stdout.trim())).status, 200);
  });
}

test("a broken file of a client's policy leaves the last good rules, says so, and holds nobody else up", async (t) => {
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, 'robot.rules'), andTags);
  const robot = give('robot', { policy: './robot.rules' });
  const second = give('second', { policy: `${directory}/robot.rules` });
  const bob = give('bob');
  const file = writeClients(t, [robot, second, bob], join(directory, 'clients.json'));
  const proxy = await gateway(t, file);
  assert.equal((await postTag(proxy, robot.key)).status, 200);
  writeFileSync(join(directory, 'robot.rules'), `${readsOnly}POST\n`);
  const sentence =
    /^The clients file \S+clients\.json names the file \S+robot\.rules: line 2: .*; what was read before stays in force\.$/;
  await until(() => said(proxy, sentence) > 0, 'the mistake is said');
  assert.equal((await postTag(proxy, robot.key)).status, 200);
  assert.match(proxy.files().find(({ purpose }) => purpose === 'client-policy')?.lastError ?? '', /line 2/);

  writeClients(t, [robot, second], file);
  await until(() => said(proxy, /^read the clients file \S+ again: 2 keys$/) === 1, 'the change is told');
  assert.equal((await postTag(proxy, bob.key)).status, 401);
  assert.equal((await postTag(proxy, robot.key)).status, 200);

  writeFileSync(join(directory, 'robot.rules'), readsOnly);
  await until(() => said(proxy, /^read the policy file \S+robot\.rules again/) > 0, 'the mending is told');
  assert.equal((await postTag(proxy, robot.key)).status, 403);
  assert.equal((await postTag(proxy, second.key)).status, 403);

  // Who is named no longer is looked at no longer.
  writeClients(t, [bob], file);
  await until(() => said(proxy, /^read the clients file \S+ again: 1 key$/) === 1, 'the change is told');
  assert.deepEqual(
    proxy.files().filter(({ purpose }) => purpose === 'client-policy'),
    [],
  );
});

test("a gateway whose client's policy is not there does not start, and says whose it is", async (t) => {
  const robot = give('robot', { policy: './robot.rules' });
  const file = writeClients(t, [robot]);
  await assert.rejects(
    gateway(t, file),
    /^ConfigurationError: The clients file \S+ names the file \S+\/robot\.rules, which does not exist; it is to be the policy of robot\.$/,
  );
});

test('a policy is found beside the clients file, also by links, and from any directory', async (t) => {
  const directory = emptyDirectory(t);
  for (const name of ['etc', 'etc/policies', 'elsewhere']) mkdirSync(join(directory, name));
  symlinkSync('etc', join(directory, 'gateway'));
  symlinkSync(join('..', 'etc', 'clients.json'), join(directory, 'elsewhere', 'link.json'));
  writeFileSync(join(directory, 'etc', 'policies', 'robot'), andTags);
  writeFileSync(join(directory, 'outside.rules'), andTags);
  const add = async (name: string, cwd: string, file: string, policy: string): Promise<string> => {
    const words = ['keys', 'add', name, '--policy', policy, '--clients-file', file];
    const { code, stdout, stderr } = await runCli(t, words, {}, join(directory, cwd));
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const keys = [
    await add('a', 'etc', 'clients.json', 'policies/robot'),
    await add('b', '.', 'gateway/clients.json', 'gateway/policies/robot'),
    await add('c', 'gateway', '../gateway/clients.json', '../outside.rules'),
    await add('d', 'elsewhere', 'link.json', '../outside.rules'),
    await add('e', '.', 'etc/clients.json', join(directory, 'outside.rules')),
  ];
  const file = join(directory, 'etc', 'clients.json');
  const [a, b, c, d, e] = readClients(file).map(({ policy }) => policy);
  assert.deepEqual(
    { a, b, c, e },
    { a: 'policies/robot', b: 'policies/robot', c: '../outside.rules', e: join(directory, 'outside.rules') },
  );
  // Through a link in another directory, "beside it" would be two places.
  assert.match(String(d), /^\/.*\/outside\.rules$/);
  for (const path of [file, join(directory, 'gateway', 'clients.json')]) {
    const proxy = await gateway(t, path);
    for (const key of keys) assert.equal((await postTag(proxy, key)).status, 200);
  }
});

test('an old clients file, with rules inside, works as before, and keys set takes the rules out', async (t) => {
  const directory = emptyDirectory(t);
  const robot = give('robot', { policy: ['read-only', 'POST tags/ -'] });
  const file = writeClients(t, [robot], join(directory, 'clients.json'));
  const proxy = await gateway(t, file);
  assert.equal((await postTag(proxy, robot.key)).status, 200);
  writeFileSync(join(directory, 'rules'), readsOnly);
  const words = ['keys', 'set', 'robot', '--policy', './rules', '--clients-file', file];
  const { code, stdout } = await runCli(t, words, {}, directory);
  assert.equal(code, 0);
  assert.match(stdout, /^robot: its policy is \.\/rules, and it never expires\.\n$/);
  await until(() => said(proxy, /^read the clients file/) === 1, 'the change is told');
  assert.equal((await postTag(proxy, robot.key)).status, 403);
});

test('explain --client says which policy is in force for a client, and what it makes of a request', async (t) => {
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, 'robot.rules'), andTags);
  const clients = [
    give('robot', { policy: './robot.rules' }),
    give('reader', { policy: 'read-only' }),
    give('old', { policy: ['POST tags/'] }),
    give('any'),
  ];
  const file = writeClients(t, clients, join(directory, 'clients.json'));
  const explain = (...words: string[]) =>
    runCli(t, ['explain', 'POST', '/tags/', ...words], { CLIENTS_FILE: file, POLICY: 'unrestricted' }, directory);
  for (const [name, code, policy] of [
    ['robot', 0, /^policy +\.\/robot\.rules, that of robot$/m],
    ['reader', 1, /^policy +read-only, that of reader$/m],
    ['old', 0, /^policy +old's rules, that of old$/m],
    ['any', 0, /^policy +unrestricted, the gateway's, since any has none of its own$/m],
  ] as const) {
    const explained = await explain('--client', name);
    assert.equal(explained.code, code, explained.stderr);
    assert.match(explained.stdout, policy);
  }
  const nobody = await explain('--client', 'robt');
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /^The clients file \S+ has no client robt; it has one called robot\.$/m);
  writeFileSync(join(directory, 'robot.rules'), 'POST\n');
  const broken = await explain('--client', 'robot');
  assert.equal(broken.code, 2);
  assert.match(broken.stderr, /^The clients file \S+ names the file \S+robot\.rules: line 1: "POST" is no rule/);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"read-only"', '"readonly"'));
  assert.match(
    (await explain('--client', 'reader')).stderr,
    /"readonly" is none of standard, read-only, unrestricted, and/,
  );
  rmSync(file);
  assert.match((await explain('--client', 'reader')).stderr, /^The clients file \S+ does not exist\.$/m);
  const unnamed = await runCli(t, ['explain', 'GET', '/tags/', '--client', 'robot'], {}, directory);
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.stderr, /^--client needs a clients file: set --clients-file or CLIENTS_FILE\.$/m);
});

// Rules that can match nothing: whoever writes "deny" relies on it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { explainIdleRule } from '../../src/policy/known-operations.ts';
import { presets } from '../../src/policy/presets.ts';
import { parseRule } from '../../src/policy/rule.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { allOperations } from '../data/operations.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { give, startGateway, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const inVain = [
  ['deny POST machines/* delpoy', 'deny POST machines/{system_id} deploy'],
  ['deny POST mashines/* deploy', 'deny POST machines/{system_id} deploy'],
  ['deny POST machines/*/deploy', 'deny POST machines/{system_id} deploy'],
  ['deny GET machines/* deploy', 'deny POST machines/{system_id} deploy'],
  ['deny POST machines/*/op-delpoy', 'deny POST machines/{system_id} deploy'],
  ['deny DELETE subnet/*', 'deny DELETE subnets/{id}'],
  ['deny DELETE subnets', 'deny DELETE subnets/{id}'],
  ['deny GET machine/** power_parameters', 'deny GET machines power_parameters'],
  ['deny GET ** query_power_stat', 'deny GET ** query_power_state'],
  ['deny * acount/ *', 'deny GET account list_authorisation_tokens'],
  ['deny GET nodes/*/interface/*', 'deny GET nodes/{system_id}/interfaces/{id}'],
  ['POST machines/* delpoy', 'POST machines/{system_id} deploy'],
  ['deny POST machines/* frobnicate', undefined],
  ['deny GET nonsense/entirely/of/another/kind', undefined],
] as const;

for (const [rule, meant] of inVain) {
  test(`"${rule}" matches nothing; meant is ${meant ?? 'nothing that is known'}`, () => {
    const sentence = explainIdleRule(parseRule(rule)) ?? assert.fail('it matches something');
    assert.ok(sentence.startsWith(`"${rule}" matches no operation that is known of MAAS`), sentence);
    assert.equal(/\(did you mean "(.*)"\?\)$/.exec(sentence)?.[1], meant);
  });
}

for (const rule of [
  'deny * **',
  'deny GET **/interfaces/*',
  'deny GET files/*/**',
  'deny GET files/backup/2026/*',
  'deny DELETE subnets/10.0.0.0/24',
  'deny DELETE nodes/*/blockdevices/*/partitions/*',
  'deny PATCH machines/*',
  'deny GET maas/ get_config name=x',
  ...Object.values(presets).flat(),
]) {
  test(`"${rule}" matches something`, () => {
    assert.equal(explainIdleRule(parseRule(rule)), undefined);
  });
}

test('the name of each operation, as log and explain have it, is a rule for it', () => {
  for (const { method, pattern, op } of allOperations) {
    const name = [method, pattern.replace(/\/$/, '').replace('[s]?', '').replace('/*', ''), op]
      .filter(Boolean)
      .join(' ');
    assert.equal(explainIdleRule(parseRule(`deny ${name}`)), undefined, name);
  }
});

for (const rule of ['deny POST machines/{system_id} deploy', 'deny POST machines/*/op-deploy']) {
  test(`"${rule}" does refuse to deploy`, async (t) => {
    const origin = await startOrigin(t);
    const file = join(emptyDirectory(t), 'team.policy');
    writeFileSync(file, `* **\n${rule}\n`);
    const { url } = await startTestProxy(t, origin.url, { flags: ['--policy', file] });
    assert.equal((await send(`${url}/machines/abc/?op=deploy`, { method: 'POST' })).status, 403);
    assert.equal((await send(`${url}/machines/abc/?op=lock`, { method: 'POST' })).status, 200);
  });
}

test('a policy file with a deny in vain stops start, explain, check and keys add, with line and meant rule', async (t) => {
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, 'team.policy'), '* **\n\ndeny POST machines/* delpoy\n');
  const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: 'consumerX:tokenX:secretX' };
  for (const args of [
    [],
    ['explain', 'GET', '/machines/'],
    ['check'],
    ['keys', 'add', 'bob', '--clients-file', 'c.json'],
  ]) {
    const { code, stdout, stderr } = await runCli(t, [...args, '--policy', './team.policy'], env, directory);
    // To check it is one finding of several.
    assert.equal(code, args[0] === 'check' ? 1 : 2, `${args.join(' ')}: ${stderr}`);
    assert.match(
      stdout + stderr,
      /line 3: "deny POST machines\/\* delpoy" matches no operation .* refuses nothing \(did you mean "deny POST machines\/\{system_id\} deploy"\?\)\.?$/m,
    );
  }
});

test('an allow in vain is told by a warning at start, at reload, and by explain, and stops nothing', async (t) => {
  const origin = await startOrigin(t);
  const file = join(emptyDirectory(t), 'team.policy');
  writeFileSync(file, 'GET **\nPOST machines/* delpoy\n');
  const proxy = await startTestProxy(t, origin.url, { flags: ['--policy', file] });
  const warnings = () =>
    proxy.log.filter(({ level, file: kind }) => level === 40 && kind === 'policy').map(({ msg }) => msg);
  assert.deepEqual(warnings(), [
    `The policy file ${file} has a rule in vain: "POST machines/* delpoy" matches no operation that is known of MAAS, so that it ` +
      'allows nothing, unless MAAS is newer (did you mean "POST machines/{system_id} deploy"?).',
  ]);
  assert.equal((await send(`${proxy.url}/machines/`)).status, 200);
  writeFileSync(file, 'GET **\nPOST machines/* relaese\n');
  await eventually(
    () => warnings().length === 2,
    () => `${warnings().length} warnings`,
  );
  assert.match(String(warnings()[1]), /did you mean "POST machines\/\{system_id\} release"/);
  const { code, stdout } = await runCli(t, ['explain', 'GET', '/machines/', '--policy', file]);
  assert.equal(code, 0);
  assert.match(stdout, /^note +The policy has a rule in vain: "POST machines\/\* relaese"/m);
  const env = { MAAS_URL: origin.url, MAAS_API_KEY: 'consumerX:tokenX:secretX' };
  const checked = await runCli(t, ['check', '--policy', file], env);
  assert.match(checked.stdout, /^! policy +2 rules, from .*\n +It has a rule in vain: "POST machines\/\* relaese"/m);
});

test('a deny in vain that a clients file has already is told by a warning, and locks nobody out', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const bob = give('bob', { policy: ['* **', 'deny POST machines/* delpoy'] });
  const alice = give('alice');
  const gateway = await startGateway(t, maas.url, [bob, alice], { key: maas.adminKey });
  const warnings = gateway.log
    .filter(({ level, file }) => level === 40 && file === 'clients')
    .map(({ msg }) => String(msg));
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? '',
    /^The policy of bob in the clients file .* "deny POST machines\/\* delpoy" .* refuses nothing \(did you mean "deny POST machines\/\{system_id\} deploy"\?\)\.$/,
  );
  for (const { key } of [bob, alice]) {
    const reply = await send(`${gateway.url}/users/?op=whoami`, { headers: { Authorization: `Bearer ${key}` } });
    assert.equal(reply.status, 200);
  }
  // What is in the file can still be changed by "keys".
  const file = writeClients(t, [bob]);
  const { code } = await runCli(t, ['keys', 'rotate', 'bob', '--clients-file', file]);
  assert.equal(code, 0);
  assert.match(readFileSync(file, 'utf8'), /delpoy/);
});

for (const [request, note] of [
  [
    ['POST', '/machines/abc/?op=delpoy'],
    /^operation {2}POST machines\/abc delpoy \(not known of MAAS; did you mean POST machines\/\{system_id\} deploy\?\)$/m,
  ],
  [['GET', '/machnes/'], /did you mean GET machines\?/],
  [['GET', '/machines/abc/interfaces/'], /did you mean GET nodes\/\{system_id\}\/interfaces\?/],
  [['GET', '/machines/?op=allocate'], /did you mean POST machines allocate\?/],
  [['GET', '/completely/different/'], /^operation {2}GET completely\/different \(not known of MAAS\)$/m],
] as const) {
  test(`explain ${request.join(' ')} says what is perhaps meant`, async (t) => {
    const { stdout } = await runCli(t, ['explain', ...request]);
    assert.match(stdout, note);
  });
}

test('a mistyped verb, method or preset is told with the word that is meant', async (t) => {
  for (const [rule, meant] of [
    ['DENY POST machines/', 'deny'],
    ['get machines/', 'GET'],
    ['POTS machines/', 'POST'],
    ['dney GET machines/', 'deny'],
  ] as const) {
    assert.throws(() => parseRule(rule), new RegExp(`did you mean "${meant}"\\?`));
  }
  const { code, stderr } = await runCli(t, ['explain', 'GET', '/machines/', '--policy', 'readonly']);
  assert.equal(code, 2);
  assert.match(stderr, /did you mean read-only\?/);
});

test('one operation is spelled alike by log, explain and refusal, and that spelling is a rule', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--policy', 'read-only'] });
  const problem = (await send(`${proxy.url}/machines/abc/op-deploy`, { method: 'POST' })).json();
  const name = 'POST machines/{system_id} deploy';
  assert.equal(problem['operation'], name);
  assert.match(String(problem['detail']), /"allow POST machines\/\{system_id\} deploy"/);
  await eventually(
    () => proxy.log.some(({ operation }) => operation === name),
    () => JSON.stringify(proxy.log),
  );
  const { stdout } = await runCli(t, ['explain', 'POST', '/machines/abc/?op=deploy']);
  assert.match(stdout, /^operation {2}POST machines\/\{system_id\} deploy$/m);
  const setting = (await send(`${proxy.url}/maas/?op=get_config&name=http_proxy`)).json();
  assert.match(String(setting['detail']), /"allow GET maas get_config name=http_proxy"/);
});

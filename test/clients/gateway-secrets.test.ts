// A key that a gateway has given out is in nothing that the gateway writes, answers, lists or sends to MAAS.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { hashSecret, type Client } from '../../src/clients/client.ts';
import { DEMO_ADMIN_KEY } from '../../src/simulator/simulator.ts';
import { assertNoSecret, consumer, key, outputOf, secret, start, startMaas, token } from '../support/canary.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { basic, oauth, writeClients } from '../support/gateway.ts';
import { send } from '../support/request.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { until } from '../support/until.ts';

const client: Client = { name: 'alice', consumer, token, secretSha256: hashSecret(secret) };
/** Has come to its end, and its secret is the same one. */
const expired: Client = { ...client, name: 'past', consumer: 'PastConsumerKey001', expires: '2020-01-31' };
const pastKey = `${expired.consumer}:${token}:${secret}`;

/** Every way to send a key, right and wrong. */
function headers(): string[] {
  const wrong = `${consumer}:${token}:${secret}x`;
  return [
    ...[key, pastKey, wrong].flatMap((one) => [oauth(one), `Bearer ${one}`, basic(`alice:${one}`), basic(one)]),
    basic(`bob:${key}`),
    basic(`alice:${secret}`),
    `Bearer ${secret}`,
    `Bearer ${key} ${key}`,
    `Token ${key}`,
    key,
    secret,
    `oauth ${oauth(key)}`,
    oauth(key, { oauth_signature_method: 'HMAC-SHA1' }),
    oauth(key, { oauth_signature_method: secret }),
    oauth(key, { oauth_version: secret }),
    oauth(key, { oauth_timestamp: secret }),
    oauth(key, { oauth_timestamp: '1' }),
    oauth(key, { oauth_nonce: undefined }),
    oauth(key, { oauth_signature: secret }),
    `${oauth(key)},`,
  ];
}

for (const format of ['json', 'pretty']) {
  test(`with logs in ${format} at their most talkative, no key given out is in a log, an answer, a list or at MAAS`, async (t) => {
    const maas = await startSimulator({ machines: 1 });
    t.after(() => maas.close());
    const file = writeClients(t, [
      { client, key },
      { client: expired, key },
    ]);
    const flags = ['--clients-file', file, '--log-level', 'trace', '--log-format', format, '--no-coalesce'];
    const gateway = await start(t, maas.url, flags, { MAAS_API_KEY: DEMO_ADMIN_KEY });
    // Two headers that are not right the second time: the nonce, and what MAAS itself says no to.
    const twice = oauth(key);
    const asked = [...headers(), twice, twice].map(async (authorization) => {
      const { status, rawHeaders, body } = await send(`${gateway.url}/users/?op=whoami`, {
        headers: { Authorization: authorization },
      });
      return `${status} ${rawHeaders.join('\n')}\n\n${body.toString('latin1')}`;
    });
    const answers = await Promise.all(asked);
    assert.equal(answers.filter((answer) => answer.startsWith('200 ')).length, 5, answers.join('\n\n'));
    for (const answer of answers) assertNoSecret(answer, 'an answer');
    for (const path of ['/metrics', '/readyz', '/livez']) {
      assertNoSecret((await send(`${gateway.adminUrl}${path}`)).body.toString(), path);
    }
    // A change, and a broken one, are told too.
    const broken = readFileSync(file, 'utf8').replace('"clients"', `"${key}"`);
    writeFileSync(file, broken);
    await until(() => gateway.running.output().includes('must be an object'), 'a broken file is told');
    writeClients(t, [{ client, key }], file);
    await until(() => /clients\.json[^\n]*1 key/.test(gateway.running.output()), 'a mended file is told');
    assertNoSecret(await outputOf(gateway), 'the log');
    assert.ok(maas.received.length >= 5);
    assertNoSecret(
      JSON.stringify(maas.received.map(({ rawHeaders, target }) => [rawHeaders, target])),
      'what MAAS got',
    );
    const beside = readdirSync(dirname(file));
    assert.ok(beside.includes('clients.json.used'));
    for (const name of beside) assertNoSecret(readFileSync(join(dirname(file), name), 'utf8'), name);
    const { stdout, stderr } = await runCli(t, ['keys', 'list'], { CLIENTS_FILE: file });
    assertNoSecret(stdout + stderr, 'the list');
  });
}

test('no command repeats a key that stands in the place of something else', async (t) => {
  const directory = emptyDirectory(t);
  for (const args of [
    ['add', key],
    ['revoke', key],
    ['rotate', key],
    ['list', key],
    [key],
    ['add', 'x', '--maas-key-file', key],
    ['add', 'x', `--maas-key-file=${key}`],
    ['add', 'x', '--policy', key],
    ['add', 'x', '--expires', key],
    ['add', 'x', '--per-minute', key],
    ['add', 'x', '--key', key],
    ['rotate', 'x', '--overlap', key],
    ['list', '--clients-file', key],
  ]) {
    const { code, stdout, stderr } = await runCli(t, ['keys', ...args], { CLIENTS_FILE: 'clients.json' }, directory);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assertNoSecret(stdout + stderr, args.join(' ').replaceAll(key, 'KEY'));
  }
  assert.deepEqual(readdirSync(directory), []);
});

test("a client's own MAAS key is in no sentence about a file that is broken", async (t) => {
  const maas = await startMaas(t);
  for (const content of [secret, `${key}:more`, `"${key}"`, `${token}: ${secret}`]) {
    const directory = emptyDirectory(t);
    writeFileSync(join(directory, 'own.key'), content);
    const file = join(directory, 'clients.json');
    const added = await runCli(
      t,
      ['keys', 'add', 'x', '--maas-key-file', 'own.key'],
      { CLIENTS_FILE: file },
      directory,
    );
    assert.equal(added.code, 2);
    assertNoSecret(added.stdout + added.stderr, 'keys add');
    writeClients(t, [{ client: { ...client, maasKeyFile: 'own.key' }, key }], file);
    const env = { MAAS_URL: maas.url, MAAS_API_KEY: DEMO_ADMIN_KEY, CLIENTS_FILE: file };
    const served = await runCli(t, ['--port', '0', '--admin-port', '0'], env);
    assert.equal(served.code, 2, served.stderr);
    assertNoSecret(served.stdout + served.stderr, 'serve');
  }
});

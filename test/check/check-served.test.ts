// What `check` says of all else that the proxy would read and open.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { check, emptyDirectory, maas, run, type JsonStep } from '../check-runs.ts';
import { makeAuthority } from '../support/certificates.ts';
import { give, writeClients } from '../support/gateway.ts';
import { freePorts } from '../support/ports.ts';
import { needProgram } from '../support/programs.ts';
import { startRedis } from '../support/redis.ts';

/** A MAAS that is well, and what `check` says of one further step. */
async function checkStep(
  t: TestContext,
  name: string,
  env: Record<string, string>,
): Promise<JsonStep & { code: number | null }> {
  const { url, adminKey } = await maas(t);
  const { code, stdout, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey, ...env });
  assert.ok(!/ at .*\.js:\d|Error:/.test(stdout), 'no stack, no library text');
  assert.equal(step('API key').status, 'ok', 'what it is not about is looked at too');
  return { ...step(name), code };
}

test('check reads the clients file, and tells every mistake in it by line and client', async (t) => {
  const directory = emptyDirectory(t);
  const [ann, bob] = [give('ann'), give('bob', { expires: '2099-01-31' })];
  const file = writeClients(t, [ann, { ...ann, client: { ...give('ann').client, expires: '2020-01-31' } }, bob]);
  const good = await checkStep(t, 'clients file', { CLIENTS_FILE: file });
  assert.deepEqual(good, {
    step: 'clients file',
    status: 'ok',
    detail: `${file}, 2 clients with 3 keys, 1 of them expired`,
    code: 0,
  });

  const broken = join(directory, 'clients.json');
  const entries = [
    { ...ann.client, expire: '1d' },
    bob.client,
    { ...give('carl').client, policy: 'readonly' },
    { ...give('dora').client, policy: './dora.rules' },
    { ...give('eve').client, maasKeyFile: 'eve.key' },
  ];
  writeFileSync(join(directory, 'eve.key'), 'a:b');
  writeFileSync(broken, JSON.stringify({ clients: entries }, undefined, 2));
  const { status, detail, code } = await checkStep(t, 'clients file', { CLIENTS_FILE: broken });
  assert.deepEqual({ status, code }, { status: 'error', code: 1 });
  const lines = detail.split('\n');
  assert.match(
    lines[0] ?? '',
    /it has a mistake in line 8, in client 1 \(ann\): it has no member "expire", but "expires"$/,
  );
  assert.match(
    lines[1] ?? '',
    /^it has a mistake in line 22, in client 3 \(carl\): its policy: "readonly" is none of /,
  );
  assert.match(
    lines[2] ?? '',
    /^it names the file \S+dora\.rules, which does not exist; it is to be the policy of dora$/,
  );
  assert.match(
    lines[3] ?? '',
    /^it names the file \S+eve\.key: the key in it has 2 parts .*; it is to be the MAAS key of eve$/,
  );
  assert.equal(lines.length, 4);
});

test('check says of a clients file what the start would warn of', async (t) => {
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, 'robot.rules'), 'read-only\n');
  chmodSync(join(directory, 'robot.rules'), 0o666);
  const file = writeClients(t, [give('robot', { policy: './robot.rules' })], join(directory, 'clients.json'));
  chmodSync(file, 0o666);
  const open = await checkStep(t, 'clients file', { CLIENTS_FILE: file });
  assert.deepEqual({ status: open.status, code: open.code }, { status: 'warning', code: 0 });
  assert.match(
    open.remedy ?? '',
    /may write \S+clients\.json, and so give themselves a key; .*\n.*may write \S+robot\.rules, /,
  );
  writeFileSync(file, '[]');
  chmodSync(file, 0o600);
  assert.match(
    (await checkStep(t, 'clients file', { CLIENTS_FILE: file })).remedy ?? '',
    /holds no key, so every request is/,
  );
  for (const [path, sentence] of [
    [directory, /is a directory, and must be a file$/],
    [`${file}.gone`, /does not exist$/],
  ] as const) {
    const { status, detail, code } = await checkStep(t, 'clients file', { CLIENTS_FILE: path });
    assert.deepEqual({ status, code }, { status: 'error', code: 1 });
    assert.match(detail, sentence);
  }
});

test('check reads the policy file', async (t) => {
  const file = join(emptyDirectory(t), 'policy.rules');
  writeFileSync(file, 'read-only\nPOST tags/ -\n');
  const good = await checkStep(t, 'policy', { POLICY: file });
  assert.deepEqual({ status: good.status, code: good.code }, { status: 'ok', code: 0 });
  writeFileSync(file, 'read-only\nPOST\n');
  const broken = await checkStep(t, 'policy', { POLICY: file });
  assert.deepEqual({ status: broken.status, code: broken.code }, { status: 'error', code: 1 });
  assert.match(broken.detail, /^POLICY names the file \S+: line 2: "POST" is no rule/);
  assert.match((await checkStep(t, 'policy', { POLICY: 'readonly' })).detail, /^POLICY must be standard, read-only, /);
});

test('check looks at certificate, key and the authority of clients', async (t) => {
  const authority = await makeAuthority(t, 'Gateway Authority');
  const own = await authority.issue('DNS:gateway.example,IP:10.0.0.5', 90);
  const other = await authority.issue('DNS:other.example', 90);
  const files = { TLS_CERT_FILE: own.certFile, TLS_KEY_FILE: own.keyFile };
  chmodSync(own.keyFile, 0o600);
  const good = await checkStep(t, 'certificate', { ...files, ALLOWED_HOSTS: 'gateway.example,10.0.0.5' });
  assert.equal(good.remedy, undefined);
  assert.match(
    good.detail,
    /^\S+\.pem, DNS:gateway\.example, IP Address:10\.0\.0\.5, valid until \d{4}-\d\d-\d\d, with its key$/,
  );
  const named = await checkStep(t, 'certificate', { ...files, ALLOWED_HOSTS: 'gateway.example,maas.example' });
  assert.equal(named.status, 'warning');
  assert.match(named.remedy ?? '', /^It is not for maas\.example, which --allowed-hosts \(ALLOWED_HOSTS\) names: /);

  const swapped = await checkStep(t, 'certificate', { ...files, TLS_KEY_FILE: other.keyFile });
  assert.deepEqual({ status: swapped.status, code: swapped.code }, { status: 'error', code: 1 });
  assert.match(
    swapped.detail,
    /^TLS_CERT_FILE names the file \S+, whose first certificate does not belong to the key in /,
  );
  const alone = await checkStep(t, 'certificate', { TLS_CERT_FILE: own.certFile });
  assert.match(alone.detail, /^TLS_CERT_FILE is set, and --tls-key-file \(TLS_KEY_FILE\) is not; https needs both$/);
  const short = await authority.issue('DNS:gateway.example', 5);
  const ending = await checkStep(t, 'certificate', { TLS_CERT_FILE: short.certFile, TLS_KEY_FILE: short.keyFile });
  assert.match(ending.remedy ?? '', /^It ends in 4 days; have a new one made\.$/m);
  const over = await authority.issue('DNS:gateway.example', -1);
  const ended = await checkStep(t, 'certificate', { TLS_CERT_FILE: over.certFile, TLS_KEY_FILE: over.keyFile });
  assert.deepEqual({ status: ended.status, code: ended.code }, { status: 'error', code: 1 });
  assert.match(ended.remedy ?? '', /has expired; clients will not accept it\./);

  const gateway = { ...files, CLIENTS_FILE: writeClients(t, [give('ann')]) };
  const ca = await checkStep(t, 'client CA', { ...gateway, CLIENT_CA_FILE: authority.certFile });
  assert.deepEqual(
    { status: ca.status, detail: ca.detail },
    {
      status: 'ok',
      detail: `${authority.certFile}, CN=Gateway Authority`,
    },
  );
  const noCa = await checkStep(t, 'client CA', { ...gateway, CLIENT_CA_FILE: other.certFile });
  assert.equal(noCa.status, 'warning');
  assert.match(
    noCa.remedy ?? '',
    /is no authority \(basicConstraints CA:TRUE is missing\), so it vouches for nobody\.$/,
  );
  const keyAsCa = await checkStep(t, 'client CA', { ...gateway, CLIENT_CA_FILE: own.keyFile });
  assert.match(keyAsCa.detail, /^CLIENT_CA_FILE names the file \S+, which holds no certificate in PEM/);
});

test('check tries Redis, its password included, and never shows it', async (t) => {
  const command = await needProgram(t, 'redis-server');
  if (command === undefined) return;
  const [port = 0, nobody = 0] = await freePorts(2);
  await startRedis(t, command, port, ['--requirepass', 'theRightOne']);
  const redis = (url: string): ReturnType<typeof checkStep> => checkStep(t, 'Redis', { REDIS_URL: url });
  const good = await redis(`redis://:theRightOne@127.0.0.1:${port}`);
  assert.deepEqual(good, {
    step: 'Redis',
    status: 'ok',
    detail: `redis://127.0.0.1:${port} answers, and takes what is written`,
    code: 0,
  });
  for (const [url, sentence] of [
    [`redis://:theWrongOne@127.0.0.1:${port}`, /: Redis refuses the password, or the user name$/],
    [`redis://127.0.0.1:${port}`, /: Redis wants a password, and there is none$/],
    [`redis://127.0.0.1:${nobody}`, /: nothing listens there$/],
    [
      `rediss://127.0.0.1:${port}`,
      /: (?:the connection was closed without an answer|there is no answer|it cannot be used)/,
    ],
    ['redis:/x', /^REDIS_URL must be an address such as redis:/],
  ] as const) {
    const { status, detail, remedy = '', code } = await redis(url);
    assert.deepEqual({ status, code }, { status: 'error', code: 1 }, url);
    assert.match(detail, sentence);
    assert.ok(!/the(?:Right|Wrong)One/.test(detail + remedy));
  }
});

test('check says whether the audit file could be written, and makes none', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'audit.jsonl');
  assert.equal((await checkStep(t, 'audit file', { AUDIT_FILE: file })).detail, `${file} can be written`);
  assert.ok(!existsSync(file));
  writeFileSync(file, 'a\n');
  assert.equal((await checkStep(t, 'audit file', { AUDIT_FILE: file })).status, 'ok');
  mkdirSync(join(directory, 'd'));
  for (const [path, sentence] of [
    [join(directory, 'd'), /^it is to be \S+, which is a directory$/],
    [join(directory, 'no', 'audit'), /^it is to be \S+, whose directory does not exist$/],
  ] as const) {
    const { status, detail } = await checkStep(t, 'audit file', { AUDIT_FILE: path });
    assert.equal(status, 'error');
    assert.match(detail, sentence);
  }
  assert.deepEqual(readdirSync(directory).toSorted(), ['audit.jsonl', 'd']);
});

test('check says whether the ports are free, and whom they would be open to', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  const taken = String(typeof address === 'object' ? address?.port : '');
  const [free = 0] = await freePorts(1);
  const used = await checkStep(t, 'port', { PORT: taken });
  assert.deepEqual({ status: used.status, code: used.code }, { status: 'warning', code: 0 });
  assert.equal(used.detail, `127.0.0.1 port ${taken} is in use`);
  assert.match(
    used.remedy ?? '',
    /^It is this proxy itself if it runs already\. If not, choose another port with --port/,
  );
  assert.equal((await checkStep(t, 'admin port', { ADMIN_PORT: taken })).status, 'warning');
  const unused = await checkStep(t, 'port', { PORT: String(free) });
  assert.deepEqual(
    { status: unused.status, detail: unused.detail },
    { status: 'ok', detail: `127.0.0.1 port ${free} is free` },
  );
  const foreign = await checkStep(t, 'port', { PORT: String(free), HOST: '192.0.2.1', ALLOW_UNAUTHENTICATED: 'true' });
  assert.deepEqual({ status: foreign.status, code: foreign.code }, { status: 'error', code: 1 });
  assert.match(foreign.detail, /^192\.0\.2\.1 is not an address of this machine$/);
  const exposed = await checkStep(t, 'port', { PORT: String(free), HOST: '0.0.0.0' });
  assert.deepEqual({ status: exposed.status, code: exposed.code }, { status: 'error', code: 1 });
  assert.match(exposed.detail, /^HOST is 0\.0\.0\.0, so anybody who can reach the port could use the API key: /);

  const directory = emptyDirectory(t);
  const socket = join(directory, 'maas.sock');
  assert.equal((await checkStep(t, 'socket', { SOCKET: socket })).detail, `${socket} is free`);
  writeFileSync(socket, '');
  assert.match((await checkStep(t, 'socket', { SOCKET: socket })).detail, /is there already, and is no socket$/);
  assert.match(
    (await checkStep(t, 'socket', { SOCKET: join(directory, 'no', 's') })).detail,
    /^no socket can be made at /,
  );
});

test('for people, each of these is a line of its own with its mark', async (t) => {
  const { url, adminKey } = await maas(t);
  const file = writeClients(t, [give('ann')]);
  const env = {
    MAAS_URL: url,
    MAAS_API_KEY: adminKey,
    CLIENTS_FILE: file,
    AUDIT_FILE: join(emptyDirectory(t), 'audit'),
  };
  const { code, stdout, stderr } = await run(t, ['check'], env);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^✓ clients file \S+clients\.json, 1 client with 1 key$/m);
  assert.match(stdout, /^✓ audit file   \S+audit can be written$/m);
  assert.match(stdout, /^- port         any free one$/m);
});

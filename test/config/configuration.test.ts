import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { canaryKey } from '../support/proxy.ts';
import { emptyDirectory, runCli, startCli } from '../support/cli.ts';

const url = 'http://127.0.0.1:1';
const good = { MAAS_URL: url, MAAS_API_KEY: canaryKey };

test('nothing set: both sentences at once, exit code 2', async (t) => {
  const { code, stderr, stdout } = await runCli(t, []);
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^No API key is set: .*\n/m);
  assert.match(stderr, /^MAAS's address is not set: .*\n/m);
});

test('an empty .env is the same as nothing set', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, '.env'), 'MAAS_URL=\nMAAS_API_KEY=\n');
  const { code, stderr } = await runCli(t, [], {}, cwd);
  assert.equal(code, 2);
  assert.equal(stderr.trim().split('\n').length, 2);
});

for (const [what, args, env, sentence] of [
  ['a malformed key', [], { ...good, MAAS_API_KEY: 'CanarySecret:b' }, 'MAAS_API_KEY has 2 parts instead of three'],
  ['a malformed address', ['--maas-url', 'maas:5240'], good, '--maas-url must begin with http:// or https://'],
  [
    "an address in quotation marks, as Docker's --env-file leaves them",
    [],
    { ...good, MAAS_URL: '"http://maas:5240"' },
    'MAAS_URL stands in quotation marks; remove them',
  ],
  ['a bad port', [], { ...good, PORT: '70000' }, 'PORT must be a port number from 0 to 65535, not "70000"'],
  ['a bad admin port', ['--admin-port', 'on'], good, '--admin-port must be a port number from 0 to 65535, or "off"'],
  ['a bad log level', ['--log-level=loud'], good, '--log-level must be one of fatal, error, warn'],
  ['a bad time span', ['--drain-timeout', '-1s'], good, '--drain-timeout must be a number of seconds above 0'],
  ['a bad number of requests', [], { ...good, MAX_UPSTREAM: '0' }, 'MAX_UPSTREAM must be a whole number from 1 to'],
  ['a bad address of Redis', [], { ...good, REDIS_URL: 'CanarySecret@redis' }, 'REDIS_URL must be an address such as'],
  [
    'the password of Redis among the arguments',
    ['--redis-url', 'redis://:CanarySecret@redis.example'],
    good,
    '--redis-url holds a password, and every user of this machine can read the arguments',
  ],
  [
    'a file for the address of Redis that is not there',
    [],
    { ...good, REDIS_URL_FILE: '/nonexistent/redis' },
    'REDIS_URL_FILE names the file /nonexistent/redis, which does not exist',
  ],
  [
    'an unreadable key file',
    ['--api-key-file', '/nonexistent/key'],
    good,
    'names the file /nonexistent/key, which does not exist',
  ],
  ['a directory as key file', ['--api-key-file', '/'], good, 'names the file /, which is a directory'],
  [
    'an unreadable CA file',
    ['--ca-file', '/nonexistent/ca'],
    good,
    '--ca-file names the file /nonexistent/ca, which does not exist',
  ],
  ['a CA file that is none', ['--ca-file', '/etc/passwd'], good, 'holds no certificate in PEM'],
  ['an unknown flag', ['--prot', '1'], good, '--prot is not a flag of this command; did you mean --port?'],
  ['the key as a flag', ['--api-key', 'x'], good, 'There is no flag for the key itself'],
  ['a forgotten value', ['--host', '--port', '0'], good, '--host needs a value'],
  ['a value for a switch', ['--insecure=yes'], good, '--insecure takes no value'],
  ['an unknown command', ['sreve'], good, '"sreve" is not a command; did you mean serve?'],
  ['a word too many', ['serve', 'now'], good, '"now" is not expected here'],
  [
    'both key and key file',
    [],
    { ...good, MAAS_API_KEY_FILE: '/x' },
    'MAAS_API_KEY and MAAS_API_KEY_FILE are both set; keep one',
  ],
  ['a missing profile database', ['--profile', 'lab'], {}, '--profile needs the MAAS CLI'],
] as const) {
  test(`${what}: one clear sentence, exit code 2, no stack`, async (t) => {
    const { code, stdout, stderr } = await runCli(t, args, env);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.ok(stderr.includes(sentence), stderr);
    assert.doesNotMatch(stderr, /CanarySecret|^\s+at |Error:/m);
  });
}

test('all mistakes are reported together', async (t) => {
  const { code, stderr } = await runCli(t, ['--prot', '1', '--port', 'x'], { MAAS_API_KEY: 'a:b', LOG_FORMAT: 'xml' });
  assert.equal(code, 2);
  for (const name of ['--prot', '--port', 'MAAS_API_KEY', 'LOG_FORMAT', 'MAAS_URL'])
    assert.ok(stderr.includes(name), name);
});

test('a port in use: one sentence, exit code 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const port = String((taken.address() as AddressInfo).port);
  const { code, stderr } = await runCli(t, ['--port', port, '--admin-port', 'off'], good);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `127.0.0.1 port ${port} is in use by another program; choose another port with --port (PORT).\n`,
  );
});

for (const flags of [['--maas-only'], ['--port', '0']]) {
  test(`the small MAAS of the demo says so where its port is in use (${flags.join(' ')})`, async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    t.after(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const port = String((taken.address() as AddressInfo).port);
    const { code, stderr } = await runCli(t, ['demo', '--maas-port', port, ...flags]);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `127.0.0.1 port ${port} is in use by another program; choose another port with --maas-port.\n`,
    );
  });
}

test('the admin port: a chosen one in use stops the start, the default one only warns', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const port = String((taken.address() as AddressInfo).port);
  const chosen = await runCli(t, ['--port', '0', '--admin-port', port], good);
  assert.equal(chosen.code, 1);
  assert.match(chosen.stderr, /choose another port with --admin-port/);
});

test('flag beats environment beats .env', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, '.env'), `MAAS_URL=${url}\nMAAS_API_KEY=${canaryKey}\nPORT=x\nADMIN_PORT=off\nLOG_LEVEL=y`);
  const bad = await runCli(t, [], { PORT: 'z' }, cwd);
  assert.match(bad.stderr, /^PORT must be .* not "z"/m);
  assert.match(bad.stderr, /^LOG_LEVEL in \.env must be/m);
  const running = startCli(t, ['--port', '0'], { PORT: 'z', LOG_LEVEL: 'info' }, cwd);
  await running.printed(/listening on http:\/\/127\.0\.0\.1:\d+/);
});

test('MAAS_API_URL and MAAS_API_CACERT, the names that others use, are understood', async (t) => {
  const { stderr } = await runCli(t, [], {
    MAAS_API_URL: 'x',
    MAAS_API_CACERT: '/nonexistent',
    MAAS_API_KEY: canaryKey,
  });
  assert.match(stderr, /^MAAS_API_URL must begin/m);
  assert.match(stderr, /^MAAS_API_CACERT names the file/m);
});

test('a key file that others may read gives a warning, one that they may not gives none', async (t) => {
  const cwd = emptyDirectory(t);
  const file = join(cwd, 'key');
  writeFileSync(file, `${canaryKey}\n`);
  for (const [mode, warned] of [
    [0o644, true],
    [0o600, false],
  ] as const) {
    chmodSync(file, mode);
    const running = startCli(t, ['--maas-url', url, '--api-key-file', file, '--port', '0', '--admin-port', 'off']);
    await running.printed(/MAAS does not answer/);
    running.child.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    assert.equal(code, 0);
    assert.equal(stdout.includes('chmod 600'), warned);
    assert.doesNotMatch(stdout, /CanarySecret/);
  }
});

test('--help says of a flag that turns something off what is not done then', async (t) => {
  const { stdout } = await runCli(t, ['--help', '--all']);
  const negative = stdout.split('\n').filter((line) => line.startsWith('  --no-'));
  assert.ok(negative.length >= 3, stdout);
  for (const line of negative) assert.match(line, /^ {2}--no-[a-z-]+ +do not /);
});

test('--help and --version work on every command, and need no configuration', async (t) => {
  for (const command of [[], ['serve'], ['init'], ['check'], ['explain'], ['keys'], ['healthcheck'], ['demo']]) {
    const help = await runCli(t, [...command, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /Usage: maas-auth-proxy/);
    const version = await runCli(t, [...command, '--version']);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  }
});

test('a .env that is a directory is said so', async (t) => {
  const cwd = emptyDirectory(t);
  mkdirSync(join(cwd, '.env'));
  const { code, stderr } = await runCli(t, [], good, cwd);
  assert.equal(code, 2);
  assert.match(stderr, /^There is a \.env here, which is a directory\.$/m);
});

// What names in the environment and in .env mean: long and short ones, other programs' ones, and those that nearly are a setting's.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readLayers, type Layers } from '../../src/config/layers/layers.ts';
import { settings, type Setting } from '../../src/config/settings.ts';
import { emptyDirectory, runCli, startCli } from '../support/cli.ts';
import { canaryKey } from '../support/proxy.ts';

const good = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey };

/** What is found with this environment and this .env. */
function read(t: TestContext, env: Readonly<Record<string, string>>, dotenv = '', args: string[] = []): Layers {
  const dotenvFile = join(emptyDirectory(t), '.env');
  writeFileSync(dotenvFile, dotenv);
  return readLayers({ args, env, dotenvFile });
}

test('every setting is read by the name MAAS_PROXY_ and its flag, before all its short names', (t) => {
  for (const { flag, env } of Object.values(settings) as Setting<unknown>[]) {
    const long = `MAAS_PROXY_${(flag ?? 'api-key').replace(/^no-/, '').replaceAll('-', '_').toUpperCase()}`;
    const { found, mistakes } = read(t, { ...Object.fromEntries(env.map((name) => [name, 'short'])), [long]: 'long' });
    assert.deepEqual(mistakes, []);
    assert.deepEqual([...found.values()], [{ text: 'long', source: long, rank: 1 }]);
  }
});

test('a long name in .env is read before the short one that a shell has set; a flag before both', (t) => {
  const env = { HOST: 'box', PORT: '3000' };
  const dotenv = 'MAAS_PROXY_HOST=127.0.0.1\nPORT=1\n';
  assert.deepEqual(read(t, env, dotenv).found.get('host'), {
    text: '127.0.0.1',
    source: 'MAAS_PROXY_HOST in .env',
    rank: 2,
  });
  assert.equal(read(t, env, dotenv).found.get('port')?.text, '3000');
  assert.equal(read(t, env, dotenv, ['--host', '::1']).found.get('host')?.text, '::1');
  assert.equal(read(t, { ...env, MAAS_PROXY_HOST: '::2' }, dotenv).found.get('host')?.text, '::2');
});

for (const [what, host] of [
  ['a conda environment with a compiler', 'x86_64-conda-linux-gnu'],
  ['an older one', 'x86_64-conda_cos6-linux-gnu'],
  ['one on a Mac', 'arm64-apple-darwin20.0.0'],
  ['a build for musl', 'aarch64-alpine-linux-musl'],
] as const) {
  test(`HOST as ${what} sets it is no address: the proxy starts at 127.0.0.1`, async (t) => {
    const running = startCli(t, ['--port', '0', '--admin-port', 'off'], { ...good, HOST: host });
    await running.printed(/listening on http:\/\/127\.0\.0\.1:\d+/);
  });
}

test('HOST as a shell sets it: one sentence that names MAAS_PROXY_HOST, which is the way out', async (t) => {
  const { code, stderr } = await runCli(t, [], { ...good, HOST: 'my-laptop' });
  assert.equal(code, 2);
  assert.equal(stderr.trim().split('\n').length, 1);
  assert.match(stderr, /^HOST is my-laptop, .* set MAAS_PROXY_HOST=127\.0\.0\.1 if HOST is another program's; /);
  const env = { ...good, HOST: 'my-laptop', MAAS_PROXY_HOST: '127.0.0.1' };
  await startCli(t, ['--port', '0', '--admin-port', 'off'], env).printed(/listening on http:\/\/127\.0\.0\.1:\d+/);
});

for (const [name, text] of [
  ['HOST', 'my/host'],
  ['PORT', '/dev/ttyUSB0'],
  ['LOG_LEVEL', 'VERBOSE'],
] as const) {
  test(`${name}=${text}, which may be another program's: the sentence names MAAS_PROXY_${name}`, async (t) => {
    const { code, stderr } = await runCli(t, [], { ...good, [name]: text });
    assert.equal(code, 2);
    assert.equal(stderr.trim().split('\n').length, 1);
    assert.ok(stderr.startsWith(`${name} must be `), stderr);
    assert.ok(stderr.endsWith(`, not "${text}"; if another program sets it, use MAAS_PROXY_${name}.\n`), stderr);
  });
}

test("the variables by which Kubernetes and Docker tell of services called like this are nobody's mistake", (t) => {
  for (const service of ['MAAS', 'MAAS_PROXY', 'MAAS_AUTH_PROXY', 'MAAS_PROXY_ADMIN', 'ADMIN']) {
    const { found, mistakes } = read(t, {
      [`${service}_PORT`]: 'tcp://10.96.0.1:8240',
      [`${service}_SERVICE_HOST`]: '10.96.0.1',
      [`${service}_SERVICE_PORT`]: '8240',
      [`${service}_SERVICE_PORT_HTTP`]: '8240',
      [`${service}_PORT_8240_TCP`]: 'tcp://10.96.0.1:8240',
      [`${service}_PORT_8240_TCP_ADDR`]: '10.96.0.1',
      [`${service}_PORT_8240_TCP_PORT`]: '8240',
      [`${service}_PORT_8240_TCP_PROTO`]: 'tcp',
    });
    assert.deepEqual([[...found], mistakes], [[], []], service);
  }
});

test('POLCY=read-only in .env stops the start: did you mean POLICY?', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, '.env'), 'POLCY=read-only\n');
  for (const args of [[], ['explain', 'GET', '/machines/'], ['check']]) {
    const { code, stdout, stderr } = await runCli(t, args, good, cwd);
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(
      stderr,
      'POLCY in .env is not a setting: did you mean POLICY? If another program reads POLCY, set POLICY too.\n',
    );
  }
  assert.equal((await runCli(t, ['--help'], good, cwd)).code, 0);
});

for (const [name, meant] of [
  ['POLICYY', 'POLICY'],
  ['PLOICY', 'POLICY'],
  ['policy', 'POLICY'],
  ['MAAS_POLICY', 'POLICY'],
  ['MAAS_AUTH_PROXY_PORT', 'PORT'],
  ['MAAS_PROXY_MAAS_API_KEY', 'MAAS_API_KEY'],
  ['MAAS_PROXY_POLCY', 'MAAS_PROXY_POLICY'],
  ['MAAS_ULR', 'MAAS_URL'],
  ['MAAS_URI', 'MAAS_URL'],
  ['MAAS_APIKEY', 'MAAS_API_KEY'],
  ['MAAS_API_KEYFILE', 'MAAS_API_KEY_FILE'],
  ['PROT', 'PORT'],
  ['PRT', 'PORT'],
  ['HSOT', 'HOST'],
  ['ALOWED_HOST', 'ALLOWED_HOSTS'],
  ['ALLOW_UNAUTHENTICATD', 'ALLOW_UNAUTHENTICATED'],
  ['CLIENT_FILE', 'CLIENTS_FILE'],
  ['MAX-UPSTREAM', 'MAX_UPSTREAM'],
] as const) {
  test(`${name} in .env is nearly ${meant}`, (t) => {
    const sentence = `${name} in .env is not a setting: did you mean ${meant}? If another program reads ${name}, set ${meant} too.`;
    assert.deepEqual(read(t, {}, `${name}=x\n`).mistakes, [sentence]);
    assert.deepEqual(read(t, {}, `${name}=\n`).mistakes, [], 'an empty one says nothing');
    assert.deepEqual(read(t, { [meant]: 'y' }, `${name}=x\n`).mistakes, [], 'the setting is given, so this is not it');
    // The environment is full of other programs' names.
    const inEnvironment = name.startsWith('MAAS_') ? [sentence.replace(' in .env', '')] : [];
    assert.deepEqual(read(t, { [name]: 'x' }).mistakes, inEnvironment);
  });
}

test("other programs' names in .env and in the environment are theirs", (t) => {
  const foreign = [
    'NODE_ENV NODE_OPTIONS COMPOSE_PROJECT_NAME COMPOSE_FILE HOSTNAME DB_HOST DB_PORT PATH HOME PORTS HOSTS POST COST',
    'SORT MOST EXPORT DOCKER_HOST DATABASE_URL PGHOST PGPORT PROXY_USER GATEWAY_PORT HTTP_PROXY HTTPS_PROXY NO_PROXY',
    'PROXY TZ LANG DEBUG VERSION MAAS_DB_PASSWORD MAAS_HOST MAAS_PORT MAAS_USER MAAS_PASSWORD MAAS_API_VERSION',
    'MAAS_VERSION MAAS_TLS_CA_CERT_PATH MAAS_TLS_INSECURE_SKIP_VERIFY MAAS_INSTALLATION_METHOD MAAS_PROXY MAAS_PROXY_URL',
    'MAAS_ROOT MAAS_DATA MAAS_CACHE MAAS_PATH MAAS_REGION_CONFIG MAAS_CLUSTER_CONFIG MAAS_KEY_NAME',
  ].flatMap((names) => names.split(' '));
  assert.deepEqual(read(t, {}, foreign.map((name) => `${name}=x\n`).join('')).mistakes, []);
  assert.deepEqual(read(t, Object.fromEntries(foreign.map((name) => [name, 'x']))).mistakes, []);
});

for (const [line, name] of [
  ['PORT 8240', 'PORT'],
  ['  policy', undefined],
  ['set PORT=8240', 'PORT'],
  ['$env:PORT=8240', 'PORT'],
  ['- PORT=8240', 'PORT'],
  ['PORT := 8240', 'PORT'],
  ['MAAS_PROXY_POLICY read-only', 'MAAS_PROXY_POLICY'],
  ['# PORT 8240', undefined],
  ['export PORT=8240', undefined],
  ['PORT: 8240', undefined],
  ['PORT = 8240', undefined],
  ['just some words', undefined],
  ['NOTE="first\nPORTABLE is no setting\nlast"', undefined],
] as const) {
  test(`${JSON.stringify(line)} in .env ${name === undefined ? 'is no mistake' : 'is said not to be understood'}`, (t) => {
    const { mistakes } = read(t, {}, `# settings\r\n\r\n${line}\r\n`);
    const sentence = `Line 3 of .env is not valid; write ${name}=…, with nothing in front of it.`;
    assert.deepEqual(mistakes, name === undefined ? [] : [sentence]);
  });
}

test('a .env with a byte order mark and CRLF, as Windows writes it, is read; one in UTF-16 is said to be none', (t) => {
  const text = 'PORT=1\r\nPOLICY=read-only\r\n';
  const { found, mistakes } = read(t, {}, `\uFEFF${text}`);
  assert.deepEqual([found.get('port')?.text, found.get('policy')?.text, mistakes], ['1', 'read-only', []]);
  const dotenvFile = join(emptyDirectory(t), '.env');
  writeFileSync(dotenvFile, Buffer.from(`\uFEFF${text}`, 'utf16le'));
  assert.deepEqual(readLayers({ args: [], env: {}, dotenvFile }).mistakes, [
    'There is a .env here that is not UTF-8 text; save it as UTF-8.',
  ]);
});

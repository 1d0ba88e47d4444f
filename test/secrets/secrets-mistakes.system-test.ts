// Mistakes in the configuration, and crashes: what is said must not hold the key that somebody has put in the wrong place.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertNoSecret, consumer, key, secret, start, startMaas, printPorts, token } from '../support/canary.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';

/** Keys as they are mistyped, and keys in the place of something else. */
const mistakes: readonly [string, Readonly<Record<string, string>>, (readonly string[])?][] = [
  ['the secret alone', { MAAS_API_KEY: secret }],
  ['two parts', { MAAS_API_KEY: `${token}:${secret}` }],
  ['four parts', { MAAS_API_KEY: `${key}:more` }],
  ['an empty part', { MAAS_API_KEY: `:${token}:${secret}` }],
  ['quotes', { MAAS_API_KEY: `"${key}"` }],
  ['one quote', { MAAS_API_KEY: `"${key}` }],
  ['a space inside', { MAAS_API_KEY: key.replace(':', ': ') }],
  ['a line break inside', { MAAS_API_KEY: `${consumer}:${token}:\n${secret}` }],
  ['other separators', { MAAS_API_KEY: key.replaceAll(':', ',') }],
  ['a percent sign', { MAAS_API_KEY: `${consumer}:${token}:%26${secret}` }],
  ['a letter that is none', { MAAS_API_KEY: `${key}\u00e9` }],
  ['a name before it', { MAAS_API_KEY: `MAAS_API_KEY=${key}` }],
  ['a whole header', { MAAS_API_KEY: `OAuth oauth_signature="%26${secret}"` }],
  ['the key in place of the file', { MAAS_API_KEY_FILE: key }],
  ['the key in place of the file, as a flag', {}, ['--api-key-file', key]],
  ['the key in place of the file, in one word', {}, [`--api-key-file=${key}`]],
  ['both', { MAAS_API_KEY: key, MAAS_API_KEY_FILE: key }],
  ['a flag that does not exist', {}, ['--api-key', key]],
  ['a flag that does not exist, in one word', {}, [`--api-key=${key}`]],
  ['a flag that takes no value', { MAAS_API_KEY: key }, [`--insecure=${key}`]],
  ['a bare word', {}, [key]],
  ['a bare word behind the command', {}, ['serve', key]],
  ['a bare word behind a flag', { MAAS_API_KEY: key }, ['--insecure', key]],
  ['a key in the address', { MAAS_API_KEY: key, MAAS_URL: `http://${key}@127.0.0.1:1` }],
  ['a key in the query of the address', { MAAS_API_KEY: key, MAAS_URL: `http://127.0.0.1:1/MAAS?key=${key}` }],
  ...[
    'MAAS_URL',
    'PORT',
    'HOST',
    'SOCKET',
    'POLICY',
    'ALLOWED_HOSTS',
    'ADMIN_PORT',
    'ADMIN_HOST',
    'LOG_LEVEL',
    'LOG_FORMAT',
    'MAAS_CA_FILE',
    'MAAS_PROFILE',
    'MAAS_INSECURE',
    'UPSTREAM_TIMEOUT',
    'JSON_TO_FORM',
  ].map((name): [string, Record<string, string>] => [`the key as ${name}`, { MAAS_API_KEY: key, [name]: key }]),
];

for (const [what, env, args = []] of mistakes) {
  test(`a mistake in the configuration, ${what}, is said without the key`, async (t) => {
    const address = { MAAS_URL: 'http://127.0.0.1:1', ADMIN_PORT: '0' };
    const isBareWord = args[0]?.startsWith('-') === false;
    for (const command of [args, ...(isBareWord ? [] : [['check', '--json', ...args]])]) {
      const { code, stdout, stderr } = await runCli(t, command, { ...address, ...env });
      assertNoSecret(stdout + stderr, command.join(' '));
      assert.ok(
        code === 2 || (code === 1 && command[0] === 'check'),
        `${command.join(' ')}: ${code}: ${stdout}${stderr}`,
      );
    }
  });
}

test('a key file that is malformed, and a .env that is nothing but a key, are said without the key', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'key');
  for (const content of [`${key}:more`, `${consumer}\n${token}\n${secret}\n`, `"${key}"`, secret]) {
    writeFileSync(file, content, { mode: 0o600 });
    for (const command of [[], ['check']]) {
      const { stdout, stderr } = await runCli(t, command, { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY_FILE: file });
      assertNoSecret(stdout + stderr, content);
    }
  }
  writeFileSync(join(directory, '.env'), `${key}\nMAAS_API_KEY = ${key}:more\n`, { mode: 0o600 });
  const { code, stdout, stderr } = await runCli(t, [], { MAAS_URL: 'http://127.0.0.1:1' }, directory);
  assert.equal(code, 2);
  assertNoSecret(stdout + stderr, '.env');
});

for (const [how, code] of [
  ['an exception', `process.on('SIGUSR2', () => { throw new TypeError('${key}'); });`],
  [
    'an error that carries it',
    `process.on('SIGUSR2', () => { throw Object.assign(new Error('x'), { config: '${key}', cause: new Error('${key}') }); });`,
  ],
  ['something that is no error', `process.on('SIGUSR2', () => { throw '${key}'; });`],
  ['a promise that nobody waits for', `process.on('SIGUSR2', () => { void Promise.reject(new Error('${key}')); });`],
  [
    'an error event that nobody listens to',
    `import { EventEmitter } from 'node:events'; process.on('SIGUSR2', () => { new EventEmitter().emit('error', new Error('${key}')); });`,
  ],
] as const) {
  for (const format of ['json', 'pretty']) {
    test(`a crash by ${how} ends with one sentence and exit code 1, without a stack or the key, in ${format}`, async (t) => {
      const maas = await startMaas(t);
      const trap = `${printPorts}\n${code}`;
      const { running } = await start(t, maas.url, ['--log-format', format, '--log-level', 'warn'], {
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(trap)}`,
      });
      running.child.kill('SIGUSR2');
      const { code: ended, signal, stdout, stderr } = await running.ended;
      assert.equal(signal, null);
      assert.equal(ended, 1);
      assertNoSecret(stdout + stderr, 'the output');
      const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('test: '));
      assert.equal(said.length, 1, stderr);
      assert.match(said[0] ?? '', /^maas-auth-proxy failed unexpectedly \(\w+\)\.$/);
      assert.doesNotMatch(stdout + stderr, /^\s+at /m);
    });
  }
}

// Mistakes on the command line: one sentence each, with what was meant where that can be told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settings, type Setting } from '../../src/config/settings.ts';
import { runCli } from '../support/cli.ts';
import { canaryKey } from '../support/proxy.ts';

const good = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey };
const commands = 'serve, init, check, explain, keys, healthcheck, demo';

for (const [line, sentence] of [
  ['-port 8240', '-port is not a flag of this command; did you mean --port?'],
  ['-port=8240', '-port is not a flag of this command; did you mean --port?'],
  // -h would be the help.
  ['-host 0.0.0.0', '-host is not a flag of this command; did you mean --host?'],
  ['-help', '-help is not a flag of this command; did you mean --help?'],
  ['-p 8240', '-p is not a flag of this command; --help lists them.'],
  ['-xvzf', '-xvzf is not a flag of this command; --help lists them.'],
  ['--prot 8240', '--prot is not a flag of this command; did you mean --port?'],
  ['--PORT 8240', '--PORT is not a flag of this command; did you mean --port?'],
  ['--maas_url http://x', '--maas_url is not a flag of this command; did you mean --maas-url?'],
  ['check --jsn', '--jsn is not a flag of this command; did you mean --json?'],
  ['--constructor', '--constructor is not a flag of this command; --help lists them.'],
  ['--coalesce', '--coalesce is not needed: it is the default unless --no-coalesce is given.'],
  ['--no-insecure', '--no-insecure is not needed: it is the default unless --insecure is given.'],
  ['sreve', '"sreve" is not a command; did you mean serve?'],
  ['Check', '"Check" is not a command; did you mean check?'],
  ['key list', '"key" is not a command; did you mean keys?'],
  ['start', `"start" is not a command; there are ${commands}. --help says more.`],
  ['constructor', `"constructor" is not a command; there are ${commands}. --help says more.`],
  ['—port 8240', '"—port" begins with a dash that is no hyphen; write --port.'],
  ['serve –-port 8240', '"–-port" begins with a dash that is no hyphen; write --port.'],
  ['PORT=8240', '"PORT=8240" is not a command; write --port=8240.'],
  ['serve port=8240', '"port=8240" is not expected here; write --port=8240.'],
  ['http://maas:5240', `"http://maas:5240" is not a command; MAAS's address stands behind --maas-url, or in MAAS_URL.`],
  [
    'serve http://u:p@maas',
    `"http://…@maas" is not expected here; MAAS's address stands behind --maas-url, or in MAAS_URL.`,
  ],
  ['--port 0 check', '"check" is not expected here: a command comes first, as in "maas-auth-proxy check".'],
  ['serve two words', '"two" is not expected here; --help says more.'],
  [`MAAS_API_KEY=${canaryKey}`, `"MAAS_API_KEY=(key)" is not a command; there are ${commands}. --help says more.`],
  ['--port', '--port needs a value.'],
] as const) {
  test(`maas-auth-proxy ${line.replace(canaryKey, 'A:B:C')}`, async (t) => {
    const { code, stdout, stderr } = await runCli(t, line.split(' '), good);
    assert.deepEqual([code, stdout, stderr], [2, '', `${sentence}\n`]);
  });
}

test('help is found wherever it is looked for', async (t) => {
  const { stdout: check } = await runCli(t, ['check', '--help']);
  assert.match(check, /Usage: maas-auth-proxy check/);
  for (const line of ['--help check', 'help check', '-h check', 'check -h', 'check -hV']) {
    assert.equal((await runCli(t, line.split(' '))).stdout, check, line);
  }
  const { stdout: all } = await runCli(t, ['--help']);
  assert.match(all, /Examples:/);
  for (const line of ['help', '-h', 'serve --help', '--help serve', '--help nonsense']) {
    assert.equal((await runCli(t, line.split(' '))).stdout, all, line);
  }
});

test('--help is short, with examples; --help --all holds every setting once, below a heading', async (t) => {
  const { stdout: short } = await runCli(t, ['--help']);
  assert.ok(short.trimEnd().split('\n').length <= 30, short);
  const shown = short.split('\n').filter((line) => /^ {2}(?:--[a-z-]+ [A-Z]+|\(MAAS_API_KEY\)) /.test(line));
  assert.equal(shown.length, 5, short);
  assert.match(short, /^ {2}--help --all +every setting$/m);
  const { stdout: full } = await runCli(t, ['--help', '--all']);
  for (const { flag, env } of Object.values(settings) as Setting<unknown>[]) {
    const start = flag === undefined ? `  (${env[0]})` : `  --${flag} `;
    assert.equal(full.split('\n').filter((line) => line.startsWith(start)).length, 1, start);
  }
  assert.match(full, /\n\nMAAS:\n {2}--maas-url [^]*\n\nLogs:\n {2}--log-level /);
  assert.equal((await runCli(t, ['help', '--all'])).stdout, full);
  const alone = await runCli(t, ['--all'], good);
  assert.deepEqual([alone.code, alone.stderr], [2, '--all belongs to --help: write --help --all.\n']);
});

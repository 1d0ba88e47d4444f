// Settings that are numbers: what is none is said with the true bounds and the form, and what is one works to its bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settings, type Setting } from '../../src/config/settings.ts';
import { runCli } from '../support/cli.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey, startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const good = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey };
const above = 'a number of seconds above 0, up to 2000000, in plain digits such as 30 or 0.5';
const fromNone = 'a number of seconds from 0 to 2000000, in plain digits such as 30 or 0.5';
const port = 'a port number from 0 to 65535';

for (const [flag, form, wrong] of [
  [
    '--cache-ttl',
    fromNone,
    ['1e9', '2000000.001', '9999999', '-1', '1,5', '1.', '.5', '30s', '5m', '0.0001', 'on', '٣'],
  ],
  ['--upstream-timeout', above, ['1e3', '0', '0.0', '-0', '2000001', '1e-3', '0.0004', '15 min', '1_000', 'never']],
  ['--drain-timeout', above, ['Infinity', '0x10', '+30', '-1']],
  [
    '--max-upstream',
    'a whole number from 1 to 10000 in plain digits',
    ['0', '10001', '1e2', '-4', '4.0', '1,000', '16x'],
  ],
  ['--rate-limit', 'a whole number from 0 to 1000000 in plain digits', ['1000001', '9999999999', '60/min', '1 000']],
  ['--cache-max-bytes', 'a whole number of bytes from 1 to 999999999 in plain digits', ['0', '64MB', '64 MiB', '1e9']],
  ['--port', port, ['65536', '-1', '1e3', '0x1F90', '8240/tcp', 'localhost:8240', '8240.0', ':8240']],
  ['--admin-port', `${port}, or "off"`, ['65536', '-1', 'none', 'on']],
] as const) {
  test(`${flag}: what is no such number is said with bounds and form, in one sentence`, async (t) => {
    for (const value of wrong) {
      const { code, stderr } = await runCli(t, [`${flag}=${value}`], good);
      assert.equal(stderr, `${flag} must be ${form}, not "${value}".\n`);
      assert.equal(code, 2);
    }
  });
}

test('the limits of keys add are told likewise', async (t) => {
  const { code, stderr } = await runCli(t, [
    'keys',
    'add',
    'ann',
    '--clients-file',
    '/nonexistent/c',
    '--per-minute=1e3',
  ]);
  assert.equal(stderr, '--per-minute must be a whole number from 1 to 1000000 in plain digits, not "1e3".\n');
  assert.equal(code, 2);
});

test('the bounds themselves are taken, and so is a fraction to the millisecond', () => {
  for (const [name, texts] of [
    ['cacheTtl', ['0', '00', '0.0', '0.001', '2000000', '2000000.000']],
    ['upstreamTimeout', ['0.001', '2000000']],
    ['maxUpstream', ['1', '10000']],
    ['rateLimit', ['0', '1000000']],
    ['port', ['0', '65535']],
  ] as const) {
    const { read }: Setting<unknown> = settings[name];
    for (const text of texts) assert.equal(read(text), Number(text), `${name} ${text}`);
  }
});

test('a time-out with a fraction works: requests are forwarded', async (t) => {
  const origin = await startOrigin(t);
  // 1.001 * 1000 is 1000.9999999999999.
  const flags = ['--upstream-timeout', '64.001', '--cache-ttl', '1.001', '--drain-timeout', '1.001'];
  const { url } = await startTestProxy(t, origin.url, { flags });
  for (let count = 0; count < 2; count += 1) assert.equal((await send(`${url}/machines/`)).status, 200);
});

test('the longest time span fits into a timer, which ends at once where it does not', () => {
  for (const { argument, read } of Object.values(settings) as Setting<unknown>[]) {
    if (argument !== 'SECONDS') continue;
    assert.ok(Number(read('2000000')) * 1000 < 2 ** 31);
    assert.throws(() => read('2000001'));
  }
});

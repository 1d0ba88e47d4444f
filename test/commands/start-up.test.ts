import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startCli } from '../support/cli.ts';
import { basic, give, writeClients } from '../support/gateway.ts';
import { canaryKey } from '../support/proxy.ts';
import { startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';

test('a person reads version, address, MAAS, key and a line to paste', async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const env = { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, LOG_FORMAT: 'pretty' };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  await running.printed(/Try +curl http:\/\/127\.0\.0\.1:\d+\/machines\//);
  const text = running.output();
  assert.match(text, /^maas-auth-proxy \d+\.\d+\.\d+$/m);
  assert.ok(text.includes(`MAAS      ${maas.url}/MAAS/api/2.0/ (version 3.7.3)`), text);
  assert.match(text, /API key {3}\w{4}…, from MAAS_API_KEY: admin, administrator/);
  assert.match(text, /Address {3}http:\/\/127\.0\.0\.1:\d+$/m);
  assert.ok(!text.includes(maas.adminKey.split(':')[2] ?? '?'));
});

test("a person reads where the operator's page is, if there is one", async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const env = { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, LOG_FORMAT: 'pretty' };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  const [, page = ''] = await running.printed(/^ {2}Operator {2}(http:\/\/127\.0\.0\.1:\d+\/) in a browser$/m);
  assert.equal((await send(page, { headers: { Accept: 'text/html' } })).status, 200);
  for (const flags of [['--no-page'], ['--clients-file', writeClients(t, [give('ann')])], ['--admin-port', 'off']]) {
    const without = startCli(t, ['--port', '0', '--admin-port', '0', ...flags], env);
    await without.printed(/Try +curl/);
    assert.doesNotMatch(without.output(), /Operator/, flags.join(' '));
  }
});

test('a person reads the address while MAAS has not answered yet', async (t) => {
  const { url } = await startRawMaas(t, () => {});
  const env = { MAAS_URL: url, MAAS_API_KEY: canaryKey, LOG_FORMAT: 'pretty' };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  await running.printed(/Address {3}http:\/\/127\.0\.0\.1:\d+$/m);
  await running.printed(/Policy {4}standard$/m);
  assert.doesNotMatch(running.output(), /MAAS {6}/);
});

test('a plain user is called a user', async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const env = { MAAS_URL: maas.url, MAAS_API_KEY: maas.userKey, LOG_FORMAT: 'pretty' };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  await running.printed(/: bob, user/);
});

test('at a gateway the line to paste has a place for a key, and works with one', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const alice = give('alice');
  const file = writeClients(t, [alice]);
  const env = { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, LOG_FORMAT: 'pretty', CLIENTS_FILE: file };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  const [, url] = await running.printed(/Try +curl -u NAME:KEY (http:\/\/127\.0\.0\.1:\d+\/machines\/)/);
  assert.ok(running.output().includes(`Clients   only those in ${file}`), running.output());
  assert.equal((await send(String(url))).status, 401);
  assert.equal((await send(String(url), { headers: { Authorization: basic(`alice:${alice.key}`) } })).status, 200);
});

for (const [names, host] of [
  ['*,gateway.example', 'gateway\\.example'],
  ['', 'localhost'],
] as const) {
  test(`at a gateway that listens on all addresses the line to paste calls it ${host}`, async (t) => {
    const maas = await startSimulator();
    t.after(() => maas.close());
    const env = { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, LOG_FORMAT: 'pretty', ALLOWED_HOSTS: names };
    const file = writeClients(t, [give('alice')]);
    const running = startCli(t, ['--host', '0.0.0.0', '--port', '0', '--admin-port', '0', '--clients-file', file], env);
    await running.printed(new RegExp(`Try +curl -u NAME:KEY http://${host}:\\d+/machines/$`, 'm'));
    assert.match(running.output(), /Address {3}http:\/\/0\.0\.0\.0:\d+$/m);
  });
}

test('without a terminal the start is JSON lines', async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], {
    MAAS_URL: maas.url,
    MAAS_API_KEY: maas.adminKey,
  });
  await running.printed(/the key is admin, administrator/);
  const lines = running
    .output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.match(String(lines[0]?.['url']), /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(lines[1]?.['maasVersion'], '3.7.3');
});

test('if MAAS does not answer it starts all the same, says why in one line, and works once MAAS is there', async (t) => {
  const gone = await startSimulator();
  await gone.close();
  const env = { MAAS_URL: gone.url, MAAS_API_KEY: gone.adminKey };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  const [, url] = await running.printed(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
  await running.printed(/MAAS does not answer: Nothing listens at the address in MAAS_URL/);
  assert.equal((await send(`${url}/users/`)).status, 502);
  const maas = await startSimulator({ port: gone.port });
  t.after(() => maas.close());
  assert.equal((await send(`${url}/users/`)).status, 200);
});

test('a MAAS that answers with an error of its own is said to be not ready, with its words', async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  maas.faults.next('*', { kind: 'status', status: 500, body: 'connection refused' }, 1000);
  for (const [format, said] of [
    [
      'json',
      /"MAAS is not ready: MAAS, or what .* an error of its own: status 500, \\"connection refused\\"\. Look at/,
    ],
    ['pretty', /2\.0\/ is not ready: MAAS, or what .* an error of its own: status 500, "connection refused"\. Look at/],
  ] as const) {
    const env = { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, LOG_FORMAT: format };
    await startCli(t, ['--port', '0', '--admin-port', '0'], env).printed(said);
  }
});

for (const [what, key, sentence] of [
  ['unknown key', canaryKey, /MAAS does not know the API key/],
  ['wrong secret', undefined, /The secret, the third part of the API key, is wrong/],
] as const) {
  test(`an ${what} is said at the start, and the true secret is not`, async (t) => {
    const maas = await startSimulator();
    t.after(() => maas.close());
    const [consumer, token, secret = ''] = maas.adminKey.split(':');
    const env = { MAAS_URL: maas.url, MAAS_API_KEY: key ?? `${consumer}:${token}:${'x'.repeat(32)}` };
    const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
    await running.printed(sentence);
    assert.ok(!running.output().includes(secret));
  });
}

test('the API key is in no process list', async (t) => {
  const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey };
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], env);
  await running.printed(/listening on/);
  const list = execFileSync('ps', ['-ww', '-o', 'args', '-p', String(running.child.pid)], { encoding: 'utf8' });
  assert.match(list, /cli\.js/);
  assert.doesNotMatch(list, /CanarySecret/);
});

test('the demo answers what it invites to try', async (t) => {
  const running = startCli(t, ['demo', '--port', '0', '--admin-port', '0']);
  const [, url] = await running.printed(/the proxy on (http:\/\/127\.0\.0\.1:\d+)/);
  assert.match((await send(`${url}/users/`)).body.toString(), /"username": "admin"/);
  assert.equal((await send(`${url}/MAAS/api/2.0/users/?op=whoami`)).json()['username'], 'admin');
  const zone = await send(`${url}/zones/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"name": "lab"}',
  });
  assert.equal(zone.json()['name'], 'lab');
  running.child.kill('SIGINT');
  assert.equal((await running.ended).code, 0);
});

test('the healthcheck command tells a living proxy from a dead one', async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], {
    MAAS_URL: maas.url,
    MAAS_API_KEY: maas.adminKey,
  });
  const [, port = ''] = await running.printed(/"adminUrl":"http:\/\/127\.0\.0\.1:(\d+)"/);
  for (const flags of [[], ['--ready']]) {
    const alive = await startCli(t, ['healthcheck', '--admin-port', port, ...flags]).ended;
    assert.equal(alive.code, 0, alive.stderr);
  }
  const other = await startCli(t, ['healthcheck', '--admin-port', String(maas.port)]).ended;
  assert.equal(other.code, 1);
  assert.match(other.stderr, /^The server at 127\.0\.0\.1 port \d+ is not a proxy's admin listener/);
  const nowhere = await send(`http://127.0.0.1:${port}/`);
  assert.equal(nowhere.status, 404);
  assert.match(nowhere.body.toString(), /\/livez, \/readyz and \/metrics/);
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
  const dead = await startCli(t, ['healthcheck', '--admin-port', port]).ended;
  assert.equal(dead.code, 1);
  assert.match(dead.stderr, /No proxy answers at 127\.0\.0\.1/);
});

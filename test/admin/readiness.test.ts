import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey, startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { startRecordingMaas } from '../support/recording-maas.ts';
import { emptyDirectory } from '../support/cli.ts';
import { give, startGateway } from '../support/gateway.ts';

async function readiness({ adminUrl }: TestProxy): Promise<Record<string, unknown>> {
  const { status, json } = await send(`${adminUrl}/readyz`);
  assert.equal(status, json()['status'] === 'ready' ? 200 : 503);
  return json();
}

test('readyz tells when MAAS last answered, how long ago that is, and that it takes the key', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey });
  const { lastAnswer, age, ...rest } = await readiness(proxy);
  assert.deepEqual(rest, { status: 'ready', reasons: [], keyAccepted: true });
  assert.ok(Math.abs(Date.now() - Date.parse(String(lastAnswer))) < 60_000, String(lastAnswer));
  assert.ok(Number(age) >= 0 && Number(age) < 60, String(age));
});

test('readyz is not ready when MAAS refuses the key, and says so', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url);
  const { status, keyAccepted, lastAnswer, reasons } = await readiness(proxy);
  assert.deepEqual([status, keyAccepted, typeof lastAnswer], ['not ready', false, 'string']);
  assert.match(String(reasons), /^MAAS does not know the API key/);
});

test('readyz is not ready when nothing answers, and cannot tell of the key', async (t) => {
  const proxy = await startTestProxy(t, 'http://127.0.0.1:1');
  const { status, keyAccepted, lastAnswer, age, reasons } = await readiness(proxy);
  assert.deepEqual([status, keyAccepted, lastAnswer, age], ['not ready', null, null, null]);
  assert.match(String(reasons), /^Nothing listens at the address/);
});

test('while MAAS answers clients, readyz asks it nothing', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.setHeader('X-Maas-Api-Hash', '1f').end('[]'));
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/machines/`);
  for (let count = 0; count < 5; count += 1) assert.equal((await readiness(proxy))['status'], 'ready');
  assert.deepEqual(
    origin.received.map(({ target }) => target),
    ['/MAAS/api/2.0/machines/'],
  );
});

test('an answer that MAAS gives to anybody does not show that it takes the key', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/version/`);
  await readiness(proxy);
  assert.ok(origin.received.length > 1, 'MAAS was asked');
});

test('the answers to a client with a MAAS key of its own tell nothing of the shared one', async (t) => {
  const origin = await startOrigin(t);
  const keyFile = join(emptyDirectory(t), 'maas-key');
  writeFileSync(keyFile, canaryKey, { mode: 0o600 });
  const ann = give('ann', { maasKeyFile: keyFile });
  const proxy = await startGateway(t, origin.url, [ann]);
  await send(`${proxy.url}/machines/`, { headers: { Authorization: `Bearer ${ann.key}` } });
  await readiness(proxy);
  assert.ok(origin.received.length > 1, 'MAAS was asked');
});

test('once MAAS has failed a client, readyz asks it again', async (t) => {
  const maas = await startRecordingMaas(t);
  maas.response = { bytes: 'HTTP/1.1 200 OK\r\nX-Maas-Api-Hash: 1f\r\nContent-Length: 2\r\n\r\n[]', closes: false };
  const proxy = await startTestProxy(t, maas.url);
  await send(`${proxy.url}/machines/`);
  assert.equal((await readiness(proxy))['status'], 'ready');
  maas.response = { bytes: 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n', closes: false };
  await send(`${proxy.url}/machines/`);
  const { status, reasons } = await readiness(proxy);
  assert.equal(status, 'not ready');
  assert.match(String(reasons), /region controller/);
});

for (const [what, method, path, status, headers] of [
  ['200 without the mark of MAAS', 'GET', '/machines/', 200, { 'Content-Type': 'text/html' }],
  ['301', 'GET', '/machines/', 301, { Location: '/MAAS/api/2.0/machines/' }],
  ['400 of its anonymous handler', 'GET', '/machines/', 400, { 'X-Maas-Api-Hash': '1f' }],
  ['200 that MAAS gives to anybody', 'GET', '/nodes/?op=is_registered&mac_address=x', 200, { 'X-Maas-Api-Hash': '1f' }],
  ['200 to a machine that enlists itself', 'POST', '/machines/', 200, { 'X-Maas-Api-Hash': '1f' }],
] as const) {
  test(`a ${what} does not make readyz say that the key is taken`, async (t) => {
    const origin = await startOrigin(t, (request, response) => {
      const isClients = request.url === `/MAAS/api/2.0${path}`;
      response.writeHead(isClients ? status : 200, isClients ? headers : {}).end('<html>');
    });
    const proxy = await startTestProxy(t, origin.url);
    assert.equal((await send(proxy.url + path, { method })).status, status);
    const { status: found, keyAccepted, reasons } = await readiness(proxy);
    assert.deepEqual([found, keyAccepted], ['not ready', null]);
    assert.match(String(reasons), /^The server at MAAS_URL is not a MAAS \(status 200\)/);
  });
}

for (const [what, headers, body, said] of [
  [
    'in plain text',
    { 'Content-Type': 'text/plain; charset=utf-8', 'X-Frame-Options': 'DENY' },
    'connection to server at "10.0.0.1"\n failed: \u001b[31mrefused',
    'MAAS answers with an error of its own: status 500, "connection to server at "10.0.0.1" failed: [31mrefused". Look at the log of the MAAS server, and whether its database is up.',
  ],
  [
    'as a web page',
    { 'Content-Type': 'text/html' },
    '<html><head><title>Server Error (500)</title></head>',
    'MAAS, or what stands before it, answers with an error of its own: status 500, "Server Error (500)". Look at the log of the MAAS server, and whether its database is up.',
  ],
] as const) {
  test(`readyz says that MAAS answers with an error of its own, ${what}, and not that it is none`, async (t) => {
    const origin = await startOrigin(t, (_request, response) => response.writeHead(500, headers).end(body, 'latin1'));
    const { reasons, keyAccepted } = await readiness(await startTestProxy(t, origin.url));
    assert.deepEqual([reasons, keyAccepted], [[said], null]);
  });
}

test('an error of MAAS where it is asked whose the key is does not make readyz say that the key is refused', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  maas.faults.next('GET /users/', { kind: 'status', status: 500, headers: {}, body: 'database is down' });
  const { reasons, keyAccepted } = await readiness(await startTestProxy(t, maas.url, { key: maas.adminKey }));
  assert.equal(keyAccepted, null);
  assert.match(String(reasons), /error of its own: status 500, "database is down"/);
});

test('the plain port of a MAAS with TLS is not ready, and readyz says what to do', async (t) => {
  const maas = await startSimulator({ machines: 1, plainPortRedirectsTo: 'https://maas.example:5443' });
  t.after(() => maas.close());
  const { reasons, keyAccepted } = await readiness(await startTestProxy(t, maas.url, { key: maas.adminKey }));
  assert.equal(keyAccepted, null);
  assert.match(String(reasons), /it has TLS on\. Use its https address/);
});

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from '../src/simulator/simulator.ts';
import { startOrigin } from './support/origin.ts';
import { canaryKey, startTestProxy, type TestProxy } from './support/proxy.ts';
import { send } from './support/request.ts';
import { startRecordingMaas } from './support/recording-maas.ts';
import { emptyDirectory } from './support/cli.ts';
import { give, startGateway } from './support/gateway.ts';

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
  const origin = await startOrigin(t);
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
  const proxy = await startTestProxy(t, maas.url);
  await send(`${proxy.url}/machines/`);
  assert.equal((await readiness(proxy))['status'], 'ready');
  maas.answer = { bytes: 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n', closes: false };
  await send(`${proxy.url}/machines/`);
  const { status, reasons } = await readiness(proxy);
  assert.equal(status, 'not ready');
  assert.match(String(reasons), /region controller/);
});

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

/** A MAAS whose clock is ahead by so many seconds. */
async function start(t: TestContext, clockOffset: number): Promise<{ maas: Simulator; proxy: TestProxy }> {
  const maas = await startSimulator({ machines: 2, clockOffset });
  t.after(() => maas.close());
  return { maas, proxy: await startTestProxy(t, maas.url, { key: maas.adminKey }) };
}

const warnings = ({ log }: TestProxy): readonly Record<string, unknown>[] =>
  log.filter(({ level, msg }) => level === 40 && msg !== 'request');

for (const [what, ahead] of [
  ['1000 s', 1000],
  ['a day', 86_400],
  ['ten years', 315_360_000],
] as const) {
  test(`when MAAS's clock is ${what} ahead, the first call takes one more attempt and the others none`, async (t) => {
    const { maas, proxy } = await start(t, ahead);
    for (let round = 0; round < 3; round += 1) assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
    assert.deepEqual(
      maas.received.map(({ status }) => status),
      [401, 200, 200, 200],
    );
    const [warning, ...more] = warnings(proxy);
    assert.ok(Math.abs(Number(warning?.['offset']) - ahead) <= 2);
    assert.match(String(warning?.['msg']), /^MAAS's clock is \d+ s ahead of this machine's; .*NTP\.$/);
    assert.deepEqual(more, []);
  });

  for (const method of ['POST', 'DELETE']) {
    test(`when MAAS's clock is ${what} ahead, a ${method} without a body works at once`, async (t) => {
      const { maas, proxy } = await start(t, ahead);
      const path = method === 'POST' ? '/machines/m00002/op-power_on' : '/machines/m00002/';
      assert.ok((await send(proxy.url + path, { method })).status < 300);
      assert.equal(maas.received.length, 2);
    });
  }
}

test('a form that was made of JSON is still there for the second attempt', async (t) => {
  const { maas, proxy } = await start(t, 1000);
  const headers = { 'Content-Type': 'application/json' };
  const body = '{"stop_mode": "soft"}';
  const reply = await send(`${proxy.url}/machines/m00002/op-power_off`, { method: 'POST', headers, body });
  assert.equal(reply.status, 200);
  assert.equal(maas.machine('m00002')?.stopMode, 'soft');
});

test('a streamed upload is told to come again, and works the second time', async (t) => {
  const { maas, proxy } = await start(t, 1000);
  const upload = { method: 'PUT', body: Buffer.alloc(1_000_000, 1), headers: { 'Content-Length': '1000000' } };
  const first = await send(`${proxy.url}/files/sim-upload`, upload);
  assert.equal(first.status, 401);
  assert.equal(first.headers['content-type'], 'application/problem+json');
  assert.equal(first.json()['code'], 'clock-difference');
  assert.match(String(first.json()['detail']), /clock is 1000 s ahead.*Nothing has run.*send it again\.$/);
  const second = await send(`${proxy.url}/files/sim-upload`, upload);
  assert.equal(second.status, 200);
  assert.equal(maas.received.length, 2);
  assert.equal(warnings(proxy).length, 1);
});

test('many calls at once at the start learn the difference once, and write one warning', async (t) => {
  const { maas, proxy } = await start(t, 1000);
  // All are at MAAS before the first is answered.
  maas.faults.next('*', { kind: 'delay', ms: 300 }, 10);
  const replies = await Promise.all(Array.from({ length: 10 }, () => send(`${proxy.url}/zones/`)));
  assert.deepEqual(
    replies.map(({ status }) => status),
    Array.from({ length: 10 }, () => 200),
  );
  assert.equal(warnings(proxy).length, 1);
  assert.ok(Math.abs(proxy.upstream.clock.offset - 1000) <= 60, `the clock is set ${proxy.upstream.clock.offset} s on`);
});

test('a MAAS whose clock is behind takes every call, and nothing is written about it', async (t) => {
  const { maas, proxy } = await start(t, -86_400);
  for (let round = 0; round < 3; round += 1) assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  assert.equal(maas.received.length, 3);
  assert.deepEqual(warnings(proxy), []);
});

test('a difference of less than five minutes needs nothing', async (t) => {
  const { maas, proxy } = await start(t, 290);
  assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  assert.equal(maas.received.length, 1);
  assert.deepEqual(warnings(proxy), []);
});

test('a signature that expired on its way, though the clocks agree, is said to be that', async (t) => {
  const { maas, proxy } = await start(t, 0);
  const now = Math.floor(Date.now() / 1000);
  const body = `Authorization Error: 'Expired timestamp: given ${now - 400} and now ${now} has a greater difference than threshold 300'`;
  maas.faults.next('*', { kind: 'status', status: 401, body }, 3);
  const upload = await send(`${proxy.url}/files/sim-upload`, { method: 'PUT', body: Buffer.alloc(1_000_000) });
  assert.equal(upload.status, 408);
  assert.equal(upload.json()['code'], 'request-timeout');
  assert.match(String(upload.json()['detail']), /longer to reach MAAS than the 300 s/);
  assert.equal(maas.received.length, 1);
  // Without a body it is sent once more, and no third time.
  const reply = await send(`${proxy.url}/zones/`);
  assert.equal(reply.json()['code'], 'request-timeout');
  assert.equal(maas.received.length, 3);
  assert.deepEqual(warnings(proxy), []);
});

test('a client that leaves while the first attempt is refused ends it', async (t) => {
  const { maas, proxy } = await start(t, 1000);
  maas.faults.next('*', { kind: 'stall', when: 'before-headers' });
  const arrived = maas.nextRequest();
  const { socket } = await connectRaw(t, proxy.url);
  socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const request = await arrived;
  socket.destroy();
  await until(() => request.aborted, 'the end of the request at MAAS');
  assert.equal(maas.received.length, 1);
});

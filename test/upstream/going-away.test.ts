import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

async function start(t: TestContext): Promise<{ maas: Simulator; proxy: TestProxy }> {
  const maas = await startSimulator({ machines: 200 });
  t.after(() => maas.close());
  return { maas, proxy: await startTestProxy(t, maas.url, { key: maas.adminKey }) };
}

/** One line, with 499 and no blame for MAAS. */
async function assertLeft({ log }: TestProxy): Promise<void> {
  await until(() => log.some(({ msg }) => msg === 'request'), 'the line of the request');
  const lines = log.filter(({ requestId }) => requestId !== undefined);
  assert.deepEqual(
    lines.map(({ status, code, level }) => [status, code, level]),
    [[499, 'client-gone', 30]],
  );
}

const requests = {
  GET: 'GET /machines/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
  POST: 'POST /machines/m00002/op-power_on HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na=b',
  'POST without a body': 'POST /machines/m00002/op-power_on HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
  'POST in chunks':
    'POST /machines/m00002/op-power_on HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n',
  'POST of JSON':
    'POST /machines/m00002/op-power_off HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"stop_mode":"soft"}',
  PUT: 'PUT /machines/m00002/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nhostname=new',
  DELETE: 'DELETE /machines/m00002/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
} as const;

for (const [what, bytes] of Object.entries(requests)) {
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    const how = leave === 'destroy' ? 'closes' : 'resets';
    test(`a client that ${how} before the answer to a ${what} begins ends the request at MAAS`, async (t) => {
      const { maas, proxy } = await start(t);
      maas.faults.next('*', { kind: 'stall', when: 'before-headers' });
      const { socket } = await connectRaw(t, proxy.url);
      socket.write(bytes);
      await until(() => maas.received[0]?.complete === true, 'the whole request at MAAS');
      socket[leave]();
      await until(() => maas.received[0]?.aborted === true, 'the end of the request at MAAS');
      await maas.idle();
      await assertLeft(proxy);
      assert.equal(maas.received.length, 1);
    });
  }

  if (what === 'DELETE') continue; // its answer has no body
  test(`a client that leaves in the middle of the answer to a ${what} ends the request at MAAS`, async (t) => {
    const { maas, proxy } = await start(t);
    maas.faults.next('*', { kind: 'stall', when: 'in-body', afterBytes: 10 });
    const { socket, received } = await connectRaw(t, proxy.url);
    socket.write(bytes);
    await received(/\r\n\r\n[^]/);
    socket.destroy();
    await until(() => maas.received[0]?.aborted === true, 'the end of the request at MAAS');
    await maas.idle();
    await assertLeft(proxy);
  });
}

for (const method of ['POST', 'PUT', 'DELETE']) {
  test(`a client that leaves in the middle of the body of a ${method} ends the request at MAAS`, async (t) => {
    const maas = await startRawMaas(t, () => {});
    const proxy = await startTestProxy(t, maas.url);
    const { socket } = await connectRaw(t, proxy.url);
    socket.write(`${method} /files/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nthe beginning`);
    await until(
      () => maas.connections[0]?.text().endsWith('the beginning') === true,
      'the beginning of the body at MAAS',
    );
    socket.destroy();
    await maas.connections[0]?.closed;
    await assertLeft(proxy);
    assert.doesNotMatch(maas.connections[0]?.text() ?? '', /the beginning./);
    assert.equal(maas.connections.length, 1);
  });

  test(`a client that leaves in the middle of the chunks of a ${method} leaves nothing at MAAS`, async (t) => {
    const maas = await startRawMaas(t, () => {});
    const proxy = await startTestProxy(t, maas.url);
    const { socket } = await connectRaw(t, proxy.url);
    socket.write(
      `${method} /files/ HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    // The proxy has begun to read.
    await new Promise<void>((resolve) => void socket.once('data', () => resolve()));
    socket.write('3\r\nabc\r\n', () => void socket.destroy());
    await assertLeft(proxy);
    assert.equal(maas.connections.length, 0);
  });
}

test('a client that leaves while MAAS is being connected to ends the request', async (t) => {
  // A TLS port that never says a word: the connection does not come about.
  const maas = await startRawMaas(t, () => {});
  const proxy = await startTestProxy(t, maas.url.replace('http:', 'https:'));
  const { socket } = await connectRaw(t, proxy.url);
  socket.write('POST /zones/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na=b');
  await until(() => maas.connections.length === 1, 'the connection');
  socket.destroy();
  await assertLeft(proxy);
});

test('a client that reads nothing of a long answer and leaves ends the request at MAAS', async (t) => {
  const { maas, proxy } = await start(t);
  const { socket, received } = await connectRaw(t, proxy.url);
  socket.write('GET /files/?op=get&filename=sim-512MiB.bin HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await received(/\r\n\r\n/);
  socket.pause();
  socket.destroy();
  await until(() => maas.received[0]?.aborted === true, 'the end of the request at MAAS');
  await assertLeft(proxy);
});

test('what one client leaves behind does not disturb the next', async (t) => {
  const { maas, proxy } = await start(t);
  for (let round = 0; round < 10; round += 1) {
    maas.faults.next('GET /machines/', { kind: 'stall', when: 'before-headers' });
    const arrived = maas.nextRequest();
    const { socket } = await connectRaw(t, proxy.url);
    socket.write(requests.GET);
    const request = await arrived;
    socket.destroy();
    await until(() => request.aborted, 'the end of the request at MAAS');
    assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  }
  assert.ok(maas.connections() <= 1, `${maas.connections()} connections are left at MAAS`);
});

test('a client that goes away during the first of two pipelined requests sends MAAS no second', async (t) => {
  const { maas, proxy } = await start(t);
  maas.faults.next('*', { kind: 'stall', when: 'before-headers' });
  const { socket } = await connectRaw(t, proxy.url);
  socket.write(requests.GET + requests.POST);
  await until(() => maas.received.length === 1, 'the first request at MAAS');
  socket.destroy();
  await until(() => maas.received[0]?.aborted === true, 'the end of the request at MAAS');
  await until(() => proxy.log.filter(({ status }) => status === 499).length === 2, 'a line with 499 for both');
  // What comes from another client is the next that MAAS sees.
  await send(`${proxy.url}/zones/`);
  assert.deepEqual(
    maas.received.map(({ method }) => method),
    ['GET', 'GET'],
  );
});

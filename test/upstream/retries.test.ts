import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Fault, type Simulator } from '../../src/simulator/simulator.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

async function start(t: TestContext): Promise<{ maas: Simulator; proxy: TestProxy }> {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  return { maas, proxy: await startTestProxy(t, maas.url, { key: maas.adminKey }) };
}

const nonces = ({ received }: Simulator): (string | undefined)[] =>
  received.map(({ rawHeaders }) => /oauth_nonce="(\w+)"/.exec(rawHeaders.join('\n'))?.[1]);

const before = { kind: 'cut', when: 'before-headers' } as const;

for (const fault of [before, { kind: 'reset' }] as const satisfies Fault[]) {
  test(`a GET whose connection ends by a ${fault.kind} before the answer is sent again, with a nonce of its own`, async (t) => {
    const { maas, proxy } = await start(t);
    maas.faults.next('GET /zones/', fault, 2);
    const reply = await send(`${proxy.url}/zones/`);
    assert.equal(reply.status, 200);
    assert.equal(new Set(nonces(maas)).size, 3);
    await until(() => proxy.log.some(({ retries }) => retries === 2), 'the number of retries in the log');
  });

  test(`a GET whose connection ends by a ${fault.kind} three times is 502`, async (t) => {
    const { maas, proxy } = await start(t);
    maas.faults.next('GET /zones/', fault, 9);
    const reply = await send(`${proxy.url}/zones/`);
    assert.equal(reply.status, 502);
    assert.equal(reply.json()['code'], 'maas-reset');
    assert.equal(maas.received.length, 3);
  });

  for (const method of ['POST', 'PUT', 'DELETE']) {
    test(`a ${method} whose connection ends by a ${fault.kind} after its bytes went out is 502, and not sent again`, async (t) => {
      const { maas, proxy } = await start(t);
      maas.faults.next('*', fault);
      const body = method === 'DELETE' ? undefined : 'name=x';
      const reply = await send(`${proxy.url}/zones/default/`, { method, ...(body !== undefined && { body }) });
      assert.equal(reply.status, 502);
      assert.equal(reply.json()['code'], 'maas-reset');
      assert.match(String(reply.json()['detail']), /whether the request has run is not known/);
      assert.equal(maas.received.length, 1);
    });
  }
}

test('a GET whose answer breaks off is not sent again: its transfer breaks', async (t) => {
  const { maas, proxy } = await start(t);
  maas.faults.next('GET /machines/', { kind: 'cut', when: 'in-body', afterBytes: 100 });
  await assert.rejects(send(`${proxy.url}/machines/`), { code: 'ECONNRESET' });
  assert.equal(maas.received.length, 1);
});

for (const status of [409, 503]) {
  test(`a GET answered ${status} with Retry-After in seconds is sent again after that time, three times at the most`, async (t) => {
    const { maas, proxy } = await start(t);
    const fault = { kind: 'status', status, headers: { 'Retry-After': '1' }, body: 'busy' } as const;
    maas.faults.next('GET /zones/', fault);
    const began = performance.now();
    assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
    assert.ok(performance.now() - began >= 990);
    assert.equal(new Set(nonces(maas)).size, 2);

    maas.clear();
    maas.faults.next('GET /zones/', { ...fault, headers: { 'Retry-After': '0' } }, 9);
    const reply = await send(`${proxy.url}/zones/`);
    assert.equal(reply.status, status);
    assert.equal(reply.body.toString(), 'busy');
    assert.equal(reply.headers['retry-after'], '0');
    assert.equal(new Set(nonces(maas)).size, 3);
  });

  for (const [what, after] of [
    ['that is too long', '31'],
    ['that is a date', new Date(Date.now() + 1000).toUTCString()],
    ['that is no number of seconds', '0.5'],
    ['that is negative', '-1'],
    ['', undefined],
  ] as const) {
    const name = after === undefined ? 'without Retry-After' : `with a Retry-After ${what}`;
    test(`a GET answered ${status} ${name} is not sent again, and the client gets MAAS's words`, async (t) => {
      const { maas, proxy } = await start(t);
      const headers = after === undefined ? {} : { 'Retry-After': after };
      maas.faults.next('GET /zones/', { kind: 'status', status, headers, body: 'busy' });
      const reply = await send(`${proxy.url}/zones/`);
      assert.equal(reply.status, status);
      assert.equal(reply.headers['retry-after'], after);
      assert.equal(reply.body.toString(), 'busy');
      assert.equal(maas.received.length, 1);
    });
  }

  for (const method of ['POST', 'PUT', 'DELETE']) {
    test(`a ${method} answered ${status} with Retry-After is not sent again`, async (t) => {
      const { maas, proxy } = await start(t);
      maas.faults.next('*', { kind: 'status', status, headers: { 'Retry-After': '0' }, body: 'busy' });
      const reply = await send(`${proxy.url}/zones/default/`, { method });
      assert.equal(reply.status, status);
      assert.equal(reply.headers['retry-after'], '0');
      assert.equal(maas.received.length, 1);
    });
  }
}

test('other answers with Retry-After pass', async (t) => {
  const { maas, proxy } = await start(t);
  for (const status of [200, 301, 404, 429, 500]) {
    maas.faults.next('GET /zones/', { kind: 'status', status, headers: { 'Retry-After': '0' } });
    assert.equal((await send(`${proxy.url}/zones/`)).status, status);
  }
  assert.equal(maas.received.length, 5);
});

test('the waits of one request together are bounded', async (t) => {
  const { maas, proxy } = await start(t);
  maas.faults.next('GET /zones/', { kind: 'status', status: 503, headers: { 'Retry-After': '1' } });
  maas.faults.next('GET /zones/', { kind: 'status', status: 503, headers: { 'Retry-After': '30' }, body: 'second' });
  const reply = await send(`${proxy.url}/zones/`);
  assert.equal(reply.status, 503);
  assert.equal(reply.body.toString(), 'second');
});

test('answers that are not used leave no sockets behind', async (t) => {
  const { maas, proxy } = await start(t);
  const body = 'x'.repeat(1_000_000);
  for (let round = 0; round < 10; round += 1) {
    maas.faults.next('GET /zones/', { kind: 'status', status: 503, headers: { 'Retry-After': '0' }, body }, 2);
    assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  }
  assert.equal(maas.received.length, 30);
  assert.equal(maas.connections(), 1);
});

/** A port on which nothing listens yet. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

for (const { method, framing, body } of [
  { method: 'GET', framing: '', body: '' },
  { method: 'POST', framing: 'Content-Length: 6\r\n', body: 'name=x' },
  { method: 'POST', framing: 'Transfer-Encoding: chunked\r\n', body: '6\r\nname=x\r\n0\r\n\r\n' },
  { method: 'DELETE', framing: '', body: '' },
]) {
  const what = framing.includes('chunked') ? `${method} in chunks` : method;
  test(`a ${what} of which no byte went out, because MAAS did not listen yet, is sent again`, async (t) => {
    const port = await unusedPort();
    const proxy = await startTestProxy(t, `http://127.0.0.1:${port}`);
    const { socket, received } = await connectRaw(t, proxy.url);
    socket.write(`${method} /zones/ HTTP/1.1\r\nHost: localhost\r\n${framing}Connection: close\r\n\r\n${body}`);
    // As soon as the first attempt has been refused, MAAS comes up.
    const bodies: string[] = [];
    const maas = createServer((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => bodies.push(text));
      request.on('end', () => response.end('ok'));
    });
    t.after(() => {
      maas.close();
      maas.closeAllConnections();
    });
    await refusal(port);
    maas.listen(port, '127.0.0.1');
    await received(/HTTP\/1\.1 200 /);
    assert.equal(bodies.join(''), body === '' ? '' : 'name=x');
  });
}

/** Resolves when a connection to this port has been refused, as the proxy's own has. */
async function refusal(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'error').catch(() => {});
}

test('a write to a MAAS that never listens is 502 after three attempts', async (t) => {
  const proxy = await startTestProxy(t, `http://127.0.0.1:${await unusedPort()}`);
  const reply = await send(`${proxy.url}/zones/`, { method: 'POST', body: 'name=x' });
  assert.equal(reply.status, 502);
  assert.equal(reply.json()['code'], 'maas-refused');
});

for (const path of ['/boot-resources/1/upload/2/', '/MAAS/api/2.0/boot-resources/1/upload/2/']) {
  test(`PUT ${path} is never sent again, since its chunks append`, async (t) => {
    const { maas, proxy } = await start(t);
    maas.faults.next('*', { kind: 'status', status: 503, headers: { 'Retry-After': '0' } });
    const headers = { 'Content-Type': 'application/octet-stream' };
    assert.equal((await send(proxy.url + path, { method: 'PUT', headers, body: 'x' })).status, 503);
    maas.faults.next('*', before);
    assert.equal((await send(proxy.url + path, { method: 'PUT', headers, body: 'x' })).status, 502);
    assert.equal(maas.received.length, 2);
  });
}

test('an upload is not even sent again where no byte of it went out', async (t) => {
  const proxy = await startTestProxy(t, `http://127.0.0.1:${await unusedPort()}`);
  assert.equal((await send(`${proxy.url}/boot-resources/1/upload/2/`, { method: 'PUT', body: 'x' })).status, 502);
  await until(() => proxy.log.some(({ msg }) => msg === 'request'), 'the line of the request');
  assert.equal(proxy.log.find(({ msg }) => msg === 'request')?.['retries'], undefined);
});

test('a client that leaves while the proxy waits to try again ends the wait', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write('HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nbusy');
  });
  const proxy = await startTestProxy(t, maas.url);
  const { socket } = await connectRaw(t, proxy.url);
  socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => maas.connections.length === 1, 'the first attempt');
  socket.destroy();
  await until(() => proxy.log.some(({ status }) => status === 499), 'the line with 499');
  // A request that comes later than the second attempt would have come: nothing was before it.
  await new Promise((resolve) => void setTimeout(resolve, 1_500));
  const heads = maas.connections.map(({ text }) => text()).join('');
  assert.equal(heads.match(/HTTP\/1\.1\r\n/g)?.length, 1);
});

test('a stale connection does not cost a GET its answer', async (t) => {
  const { maas, proxy } = await start(t);
  maas.faults.next('GET /zones/', { kind: 'drop-idle' }, 20);
  for (let round = 0; round < 20; round += 1) {
    assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  }
});

test('the last of the repeated answers is the only one that the client sees', async (t) => {
  let count = 0;
  const origin = await startOrigin(t, (_request, response) => {
    count += 1;
    response.writeHead(count < 3 ? 503 : 200, { 'Retry-After': '0', 'X-Count': String(count) }).end(`answer ${count}`);
  });
  const proxy = await startTestProxy(t, origin.url);
  const reply = await send(`${proxy.url}/zones/`);
  assert.equal(reply.body.toString(), 'answer 3');
  assert.equal(reply.headers['x-count'], '3');
  assert.equal(reply.rawHeaders.filter((name) => name === 'X-Count').length, 1);
});

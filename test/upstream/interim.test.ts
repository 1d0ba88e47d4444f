// Interim responses (1xx) of MAAS's are passed on, but without an end they would fill the memory of the proxy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw, startRawMaas } from '../support/raw.ts';
import { until } from '../support/until.ts';

const request = 'GET /zones/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

for (const status of ['100 Continue', '102 Processing', '103 Early Hints']) {
  test(`responses ${status} without an end are ended, and what the client does not read is bounded`, async (t) => {
    let sent = 0;
    const maas = await startRawMaas(t, ({ socket }) => {
      const many = `HTTP/1.1 ${status}\r\nLink: </${'x'.repeat(100)}>\r\n\r\n`.repeat(500);
      const flood = (): void => {
        while (!socket.destroyed && sent < 50_000_000) {
          sent += many.length;
          if (!socket.write(many)) return void socket.once('drain', flood);
        }
      };
      flood();
    });
    const proxy = await startTestProxy(t, maas.url);
    const client = await connectRaw(t, proxy.url);
    client.socket.pause();
    client.socket.write(request);
    await until(() => maas.connections[0]?.socket.destroyed === true, 'the end');
    client.socket.resume();
    await client.closed;
    assert.ok(sent < 50_000_000, 'the proxy has read on');
    assert.ok(client.text().length < 100_000, `${client.text().length} bytes`);
    assert.match(client.text(), /HTTP\/1\.1 502 /);
    assert.match(client.text(), /"code":"maas-broken-answer"/);
  });
}

test('a few interim responses are passed on as they are', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write(`${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`);
  });
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.write(request);
  await client.closed;
  assert.equal(client.text().split('HTTP/1.1 102').length - 1, 200);
  assert.match(client.text(), /ok$/);
});

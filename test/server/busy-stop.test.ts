// A proxy that stops on a busy machine, in this process: whom the kernel has let in before the port was closed, is served.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate as afterPoll } from 'node:timers/promises';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';

test('a client that connects while a stopping proxy gets no processor is served, not reset', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  const port = Number(new URL(proxy.url).port);
  const stopped = proxy.stop();
  // From here to the next timers the event loop does not look at the port.
  await afterPoll();
  const client = connect(port, '127.0.0.1');
  client.write('POST /tags/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nname=x');
  // The connection is made at the end of this turn, and then nothing goes on for longer than the port stays open.
  queueMicrotask(() => process.nextTick(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)));
  const response = await text(client);
  assert.match(response, /^HTTP\/1\.1 200 OK\r\n[^]*\r\nConnection: close\r\n/);
  assert.equal(await stopped, 0);
  assert.equal(origin.received.length, 1);
});

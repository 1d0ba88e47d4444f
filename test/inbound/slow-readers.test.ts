// Clients that do not read what they have asked for: what waits for them is bounded, and costs the others nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createSlowReaders } from '../../src/respond/slow-readers.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw, type RawConnection } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

test(
  'of clients that do not read, those that have read nothing for the longest are cut, and whoever reads is served',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startOrigin(t, (request, response) => {
      if (request.url?.includes('endless') !== true) return void response.end('ok');
      const piece = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
        response.once('drain', more);
      };
      more();
    });
    // A part of 8 MiB for slow readers: about forty of them.
    const flags = ['--max-memory', '64M', '--max-upstream', '200', '--no-coalesce'];
    const proxy = await startTestProxy(t, origin.url, { flags });
    const clients: RawConnection[] = [];
    for (let index = 0; index < 60; index += 1) {
      const client = await connectRaw(t, proxy.url);
      client.socket.write(get(`/zones/?endless=${index}`));
      await once(client.socket, 'data');
      client.socket.removeAllListeners('data').pause();
      clients.push(client);
    }
    const cut = (): number => proxy.log.filter(({ code }) => code === 'client-gone').length;
    await until(() => cut() >= 15, 'the cut of the first');
    assert.equal((await send(`${proxy.url}/zones/?short`)).status, 200);
    // Whoever reads goes on.
    const last = clients.at(-1) as RawConnection;
    let received = 0;
    last.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    last.socket.resume();
    await until(() => received > 32 * 1024 * 1024, 'a client that reads');
    assert.ok(cut() < 40, `${cut()} were cut`);
  },
);

test('a client that reads again is no longer among the slow ones', () => {
  const slow = createSlowReaders(400_000);
  const cut: string[] = [];
  const response = (name: string) => {
    const one = { writableLength: 130_000 } as Parameters<typeof slow.wait>[0];
    slow.wait(one, () => void cut.push(name));
    return one;
  };
  const first = response('first');
  response('second');
  assert.deepEqual(cut, []);
  slow.resume(first);
  response('third');
  assert.deepEqual(cut, []);
  response('fourth');
  assert.deepEqual(cut, ['second']);
});

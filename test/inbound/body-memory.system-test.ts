// What bodies take of the memory of the program, run as a process of its own: what has come, and not in how many pieces it came.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { startCli, type Running } from '../support/cli.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey } from '../support/proxy.ts';
import { connectRaw, type RawConnection } from '../support/raw.ts';
import { send } from '../support/request.ts';

const MIB = 2 ** 20;
/** How much more memory the program may have at any moment than at rest, MB. */
const bar = 60;

/** A piece of a chunked body: so many chunks of one byte, six bytes each. */
const chunks = (count: number): Buffer => Buffer.from('1\r\nx\r\n'.repeat(count));

interface Program {
  readonly url: string;
  /** The most memory that it has had since it was at rest, MB on top of what it had then. */
  growth(): number;
}

async function start(t: TestContext, flags: readonly string[] = []): Promise<Program> {
  const maas = await startOrigin(t, ({ url }, response) => {
    if (url?.includes('held') !== true) response.end('ok');
  });
  const running = startCli(t, ['--port', '0', '--admin-port', '0', ...flags], {
    MAAS_URL: maas.url,
    MAAS_API_KEY: canaryKey,
  });
  const [, port] = await running.printed(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/);
  const url = `http://127.0.0.1:${port}`;
  // All code that is needed has been loaded.
  for (let count = 0; count < 200; count += 1) await send(`${url}/zones/`, { method: 'POST', body: 'name=x' });
  const atRest = memory(running, 'VmRSS');
  // From here on the peak counts anew (proc(5), "clear_refs").
  writeFileSync(`/proc/${running.child.pid}/clear_refs`, '5');
  return { url, growth: () => memory(running, 'VmHWM') - atRest };
}

function memory({ child }: Running, name: 'VmRSS' | 'VmHWM'): number {
  const [, kibibytes] =
    new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return (Number(kibibytes) * 1024) / 1e6;
}

/** Sends so many chunks of one byte, and as fast as they are taken. @returns once all are sent, or nobody takes them any more */
async function pour({ socket }: RawConnection, head: string, count: number): Promise<void> {
  socket.write(head);
  const some = chunks(50_000);
  // The callback of a write is called in any case, also when the connection has ended.
  for (let sent = 0; sent < count && !socket.destroyed; sent += 50_000) {
    await new Promise<void>((resolve) => void socket.write(some, () => resolve()));
  }
  if (!socket.destroyed) socket.write('0\r\n\r\n');
}

const head = (method: string, path: string): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n`;

const isLinux = process.platform === 'linux' ? {} : { skip: 'the memory of a process is read from /proc' };

for (const [what, connections, count, method, path, flags] of [
  ['300,000 chunks of one byte that are forwarded', 1, 300_000, 'PUT', '/zones/x/', []],
  ['300,000 chunks of one byte that are read for their op', 1, 300_000, 'POST', '/machines/', []],
  ['1.25 million chunks of one byte', 1, 1_250_000, 'PUT', '/zones/x/', []],
  ['300,000 chunks of one byte that the policy refuses', 1, 300_000, 'PUT', '/zones/x/', ['--policy', 'read-only']],
  ['100,000 chunks of one byte on each of 20 connections', 20, 100_000, 'PUT', '/zones/x/', []],
] as const) {
  test(`${what} take no more memory than their bytes`, { timeout: 300_000, ...isLinux }, async (t) => {
    const program = await start(t, flags);
    await Promise.all(
      Array.from({ length: connections }, async () => {
        const connection = await connectRaw(t, program.url);
        await pour(connection, head(method, path), count);
        await connection.received(/^HTTP\/1\.1 [25]\d\d |^HTTP\/1\.1 403 /);
      }),
    );
    assert.ok(program.growth() < bar, `${program.growth()} MB more than at rest`);
  });
}

test(
  'chunks of one byte that wait behind a request before them take no more memory than their bytes',
  { timeout: 300_000, ...isLinux },
  async (t) => {
    const program = await start(t);
    const waiting = Array.from({ length: 20 }, async () => {
      const connection = await connectRaw(t, program.url);
      connection.socket.write('GET /zones/?held HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const pouring = pour(connection, head('PUT', '/zones/x/'), 100_000);
      t.after(() => pouring);
      return connection;
    });
    await Promise.all(waiting);
    // As much as fits has been read once another client's request has been answered a few times.
    for (let count = 0; count < 200; count += 1)
      await send(`${program.url}/zones/`, { method: 'POST', body: Buffer.alloc(MIB) });
    assert.ok(program.growth() < bar, `${program.growth()} MB more than at rest`);
  },
);

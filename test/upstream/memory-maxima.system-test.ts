// Everything that a gateway holds, filled to its bound at once, in a memory cgroup of the size that deploy/ gives it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createMemoryCgroup } from '../attack-soak/memory-cgroup.ts';
import { emptyDirectory } from '../support/cli.ts';
import { give, writeClients } from '../support/gateway.ts';
import { canaryKey } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const limit = 512 * MIB;

const clients = Array.from({ length: 20 }, (_, index) => give(`client-${index}`));
const keyOf = (index: number): string => clients[index % clients.length]?.key ?? '';
const authorization = (index: number): string => `Authorization: Bearer ${keyOf(index)}\r\n`;

const fields = (count: number): string => Array.from({ length: count }, (_, index) => `X${index}: 1\r\n`).join('');
const head = (text: string): string => `GET /zones/ HTTP/1.1\r\nHost: localhost\r\n${text}\r\n`;

test('a gateway in 512 MiB whose bounds are all reached at once goes on serving', { timeout: 300_000 }, async (t) => {
  const cgroup = createMemoryCgroup(`maas-auth-proxy-maxima-${process.pid}`, limit);
  if (typeof cgroup === 'string') return void t.skip(cgroup);
  const { port, adminPort, refused, ended } = await startGateway(t, cgroup.enter, await startMaas(t));
  t.after(() => cgroup.remove()); // hooks run in this order: the gateway has ended
  const open = opener(t, port);
  const ask = (path: string, index = 0) =>
    send(`http://127.0.0.1:${port}${path}`, { headers: { Authorization: `Bearer ${keyOf(index)}` } });

  // The cache: 48 responses of 1 MiB into 32 MiB.
  for (let index = 0; index < 48; index += 1) assert.equal((await ask(`/zones/?size=1048576&n=${index}`)).status, 200);
  // Refusals of this address are late from here on.
  for (let count = 0; count < 10; count += 1) await send(`http://127.0.0.1:${port}/zones/`);
  // Connections that do nothing.
  for (let index = 0; index < connectionsToHold(); index += 1) {
    open('');
    if (index % 200 === 0) assert.equal((await send(`http://127.0.0.1:${adminPort}/livez`)).status, 200);
  }
  // Bodies that are read whole and do not end, of all clients.
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  for (let index = 0; index < 60; index += 1) {
    open(
      `POST /tags/ HTTP/1.1\r\nHost: localhost\r\n${authorization(index)}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(140)}`,
    );
  }
  // Large responses that several ask for and nobody reads; and such as are compressed, and such as go on and on.
  for (let index = 0; index < 12; index += 1) {
    open(`GET /zones/?size=12000000&n=${index % 4} HTTP/1.1\r\nHost: localhost\r\n${authorization(index)}\r\n`);
  }
  for (let index = 0; index < 300; index += 1) {
    const coding = index % 2 === 0 ? 'Accept-Encoding: gzip, br, zstd\r\n' : '';
    open(`GET /zones/?size=100000000&n=x${index} HTTP/1.1\r\nHost: localhost\r\n${coding}${authorization(index)}\r\n`);
  }
  // Heads without a key: pipelined, of many fields, and without an end.
  for (let index = 0; index < 100; index += 1) {
    open(head(`X: ${'x'.repeat(56_000)}\r\n`).repeat(99));
    open(head(fields(3_000)).repeat(99));
    open(head('').repeat(99));
  }
  for (let index = 0; index < 300; index += 1) open(`GET /zones/ HTTP/1.1\r\nHost: localhost\r\n${fields(9_000)}`);

  let sum = 0;
  for (let round = 0; round < 40; round += 1) {
    assert.equal((await send(`http://127.0.0.1:${adminPort}/livez`)).status, 200);
    const { status } = await ask(`/zones/?size=100&n=honest${round}`, round);
    sum += status === 200 ? 1 : 0;
    assert.ok(status === 200 || status === 503, `${status}`);
  }
  t.diagnostic(`${sum} of 40 honest requests got 200; ${Math.round(cgroup.usage() / MIB)} MiB in use`);
  assert.ok(sum >= 20, `${sum} of 40 honest requests got 200`);
  assert.ok(refused(), 'no bound was reached');
  assert.equal(cgroup.kills(), 0);
  assert.equal(ended(), undefined, 'the gateway has ended');
});

/** A server in MAAS's place: `size` bytes of JSON text for each read, as fast as they are taken. */
async function startMaas(t: TestContext): Promise<string> {
  const piece = Buffer.from('{"status_name":"Ready","hostname":"machine"},'.repeat(1_400));
  const server = createServer((request, response) => {
    const size = Number(/size=(\d+)/.exec(request.url ?? '')?.[1] ?? 2);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': size });
    let left = size;
    const more = (): void => {
      while (left > 0 && !response.destroyed) {
        const part = piece.subarray(0, left);
        left -= part.length;
        if (!response.write(part)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
    request.resume();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startGateway(t: TestContext, enter: string, maasUrl: string) {
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
  const flags = [
    '--port',
    '0',
    '--admin-port',
    '0',
    '--clients-file',
    writeClients(t, clients),
    '--cache-ttl',
    '3600',
    '--max-upstream',
    '400',
  ];
  const child = spawn('sh', ['-c', enter, 'sh', process.execPath, '--v8-pool-size=1', cli, ...flags], {
    cwd: emptyDirectory(t),
    env: { PATH: process.env['PATH'] ?? '', MAAS_URL: maasUrl, MAAS_API_KEY: canaryKey },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let refused = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < 10_000) output += text;
    refused ||= text.includes('"code":"limit-reached"');
  });
  const closed = once(child, 'close');
  t.after(() => {
    child.kill('SIGKILL');
    return closed;
  });
  const ports = /"url":"http:\/\/127\.0\.0\.1:(\d+)","adminUrl":"http:\/\/127\.0\.0\.1:(\d+)"/;
  await until(() => ports.test(output), 'the ports');
  const [, port, adminPort] = ports.exec(output) ?? [];
  return {
    port: Number(port),
    adminPort: Number(adminPort),
    refused: () => refused,
    ended: () => child.signalCode ?? child.exitCode ?? undefined,
  };
}

/** Opens connections that send something and read nothing of what comes. */
function opener(t: TestContext, port: number): (bytes: string) => Socket {
  const sockets = new Set<Socket>();
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  return (bytes) => {
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.pause();
    if (bytes !== '') socket.write(bytes, 'latin1');
    return socket;
  };
}

/** As many as both processes may have files open, up to nine of ten thousand. */
function connectionsToHold(): number {
  const files = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024);
  return Math.max(0, Math.min(8_000, files - 4_000));
}

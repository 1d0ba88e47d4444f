// What clients can have the proxy hold before anybody knows who they are: heads that wait, heads that do not end, heads of many fields.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeAuthority } from '../support/certificates.ts';
import { startCli, type Running } from '../support/cli.ts';
import { give, startGateway, writeClients } from '../support/gateway.ts';
import { startHeldMaas } from '../support/held-maas.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey, startTestProxy } from '../support/proxy.ts';
import { connectRaw, sendRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const hasProc = process.platform === 'linux';
const skip = hasProc ? false : 'memory is read from /proc, and there is none here';

const alice = give('alice');

/** A gateway as a process of its own, in front of a MAAS that answers at once. */
async function startProcess(t: TestContext): Promise<{ running: Running; url: string }> {
  const origin = await startOrigin(t);
  const running = startCli(t, ['--port', '0', '--admin-port', 'off', '--clients-file', writeClients(t, [alice])], {
    MAAS_URL: origin.url,
    MAAS_API_KEY: canaryKey,
  });
  const [, port] = await running.printed(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/);
  return { running, url: `http://127.0.0.1:${port}` };
}

/** The most memory that a process has had since it began, MB. */
function mostMemory({ child }: Running): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1000;
}

async function asAlice(url: string): Promise<number> {
  return (await send(`${url}/zones/`, { headers: { Authorization: `Bearer ${alice.key}` } })).status;
}

/** Connects so often, sends this on each, and resolves when each connection has been closed, or the time is over. */
function attack(t: TestContext, url: string, count: number, bytes: Buffer): { closed(): number } {
  let closed = 0;
  for (let index = 0; index < count; index += 1) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => {
      closed += 1;
    });
    socket.resume();
    socket.write(bytes);
  }
  return { closed: () => closed };
}

const head = (fields: string, target = '/zones/'): string =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
const long = `X-Long: ${'x'.repeat(56_000)}\r\n`;
const tiny = (count: number): string => Array.from({ length: count }, (_, index) => `X${index}: 1\r\n`).join('');

for (const [what, bytes] of [
  ['heads of 56 KB', head(long).repeat(99)],
  ['heads of 6,000 tiny fields', head(tiny(6_000)).repeat(99)],
  ['heads of 900 tiny fields', head(tiny(900)).repeat(99)],
  ['tiny heads', head('').repeat(99)],
] as const) {
  test(`20 connections of 99 pipelined ${what}, without a key, take less than 100 MB`, { skip }, async (t) => {
    const { running, url } = await startProcess(t);
    // Refusals of this address are late from here on.
    for (let count = 0; count < 10; count += 1) await send(`${url}/zones/`);
    const before = mostMemory(running);
    const attacked = attack(t, url, 20, Buffer.from(bytes));
    await until(() => attacked.closed() === 20, 'the end of each connection');
    assert.ok(mostMemory(running) - before < 100, `${before} MB before, ${mostMemory(running)} MB`);
    assert.equal(await asAlice(url), 200);
  });
}

test('of 600 heads that do not end, of 110 KB each, most are closed, and who has a key is served', async (t) => {
  const origin = await startOrigin(t);
  const { url } = await startGateway(t, origin.url, [alice]);
  const attacked = attack(t, url, 600, Buffer.from(`GET /zones/ HTTP/1.1\r\nHost: localhost\r\n${tiny(9_000)}`));
  await until(() => attacked.closed() > 400, 'the end of most of the connections');
  assert.equal(await asAlice(url), 200);
});

test('connections that are idle after a large head do not keep it', { skip }, async (t) => {
  const { running, url } = await startProcess(t);
  assert.equal(await asAlice(url), 200);
  const before = mostMemory(running);
  for (let count = 0; count < 1_000; count += 1) {
    const { socket, received } = await connectRaw(t, url);
    socket.write(head(long, '/MAAS/'));
    await received(/"code":"outside-api"/);
  }
  assert.ok(mostMemory(running) - before < 80, `${before} MB before, ${mostMemory(running)} MB`);
});

test('a connection whose wrong key was refused late is closed, and what was pipelined behind it is not answered', async (t) => {
  const origin = await startOrigin(t);
  const { url } = await startGateway(t, origin.url, [alice]);
  for (let count = 0; count < 10; count += 1) await send(`${url}/zones/`);
  const { text } = await sendRaw(t, url, head('Authorization: Bearer a:b:c\r\n').repeat(3));
  assert.equal(text.match(/HTTP\/1\.1 401 /g)?.length, 1);
  assert.match(text, /\r\nConnection: close\r\n/);
});

test('a head of 3,100 fields passes, and one of more gets a 431 that says so', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const proxy = await startTestProxy(t, maas.url);
  const close = 'Connection: close\r\n';
  assert.match((await sendRaw(t, proxy.url, head(tiny(3_098) + close))).text, /^HTTP\/1\.1 200 /);
  for (const count of [3_099, 5_000]) {
    const { text } = await sendRaw(t, proxy.url, head(tiny(count) + close));
    assert.match(text, /^HTTP\/1\.1 431 [^]*may have 3100 header fields.*"code":"headers-too-large"/);
  }
  assert.equal(maas.connections.length, 1);
});

test(
  'a client that pipelines more than the proxy reads at once gets all responses in order',
  { timeout: 60_000 },
  async (t) => {
    const maas = await startHeldMaas(t);
    const bystander = await startOrigin(t);
    const authority = await makeAuthority(t);
    const { certFile, keyFile } = await authority.issue('IP:127.0.0.1');
    const tls = ['--tls-cert-file', certFile, '--tls-key-file', keyFile];
    for (const flags of [[], tls]) {
      const proxy = await startTestProxy(t, maas.url, { flags: [...flags, '--no-coalesce'] });
      const port = Number(new URL(proxy.url).port);
      const socket: Socket =
        flags.length === 0
          ? connect(port, '127.0.0.1')
          : connectTls({ port, host: '127.0.0.1', ca: authority.cert, servername: '' });
      t.after(() => socket.destroy());
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      // More than may wait: whoever read them all would have to cut the client off.
      const count = 200;
      // As much as Node's server in MAAS's place takes.
      const fields = `X-Long: ${'x'.repeat(12_000)}\r\n`;
      const first = maas.received.length;
      // A write with a body among them, for which the proxy has to read on.
      const post = `POST /zones/?n=30 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n${'y'.repeat(300_000)}`;
      for (let index = 0; index < count; index += 1) {
        socket.write(index === 30 ? post : head(fields, `/zones/?n=${index}`));
      }
      await maas.arrived(first);
      // Meanwhile the proxy, which runs in this process, reads whatever it would read.
      for (let turn = 0; turn < 50; turn += 1) await send(bystander.url);
      for (let index = 0; index < count; index += 1) {
        const { request, response } = await maas.arrived(first + index);
        response.end(`[${request.url?.split('n=')[1]}]`);
      }
      await until(() => text.endsWith(`[${count - 1}]`), 'the last response');
      assert.deepEqual(
        [...text.matchAll(/\[(\d+)\]/g)].map(([, index]) => Number(index)),
        Array.from({ length: count }, (_, index) => index),
      );
      assert.equal(maas.received[first + 30]?.body.length, 300_000);
      assert.equal(maas.received.length, first + count);
    }
  },
);

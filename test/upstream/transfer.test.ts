// Large bodies through the program as a process of its own, whose memory the kernel counts.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { simulatedFileSha256, startSimulator } from '../../src/simulator/simulator.ts';
import { startCli, type Running } from '../support/cli.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const MIB = 2 ** 20;
const memoryLimitKib = 150 * 1024;

test('a download of 1 GiB passes byte for byte, with less than 150 MB of memory', { timeout: 240_000 }, async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const expected = simulatedFileSha256(1024);
  const proxy = await startProcess(t, maas.url, maas.adminKey);
  const answer = await open(`${proxy.url}/files/?op=get&filename=sim-1024MiB.bin`);
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers['content-length'], String(1024 * MIB));
  assert.equal(await hashOf(answer), expected);
  assertMemory(t, proxy.running, 'VmHWM');
});

test('an upload of 200 MiB passes byte for byte, with less than 150 MB of memory', { timeout: 240_000 }, async (t) => {
  // Above the 10 MiB of MAAS's web server, for one long body instead of many.
  const maas = await startSimulator({ machines: 1, bodyLimit: 200 * MIB });
  t.after(() => maas.close());
  const hash = createHash('sha256');
  for (const chunk of mebibytes(200)) hash.update(chunk);
  const sha256 = hash.digest('hex');
  const proxy = await startProcess(t, maas.url, maas.adminKey);

  const image = { name: 'ours', architecture: 'amd64/generic', sha256, size: String(200 * MIB) };
  const announced = await send(`${proxy.url}/boot-resources/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(image).toString(),
  });
  assert.equal(announced.status, 201);
  const uploadUri = /"upload_uri": "([^"]+)"/.exec(announced.body.toString())?.[1] ?? assert.fail('no upload_uri');

  const answer = await open(
    proxy.url + uploadUri,
    { method: 'PUT', headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': 200 * MIB } },
    Readable.from(mebibytes(200)),
  );
  // MAAS itself has compared the hash: else this were 400.
  assert.equal(answer.statusCode, 200);
  const arrived = maas.received.at(-1) ?? assert.fail('nothing arrived');
  assert.equal(arrived.bodyLength, 200 * MIB);
  assert.equal(arrived.sha256, sha256);
  const length = arrived.rawHeaders.findIndex((name) => name.toLowerCase() === 'content-length');
  assert.equal(arrived.rawHeaders[length + 1], String(200 * MIB));
  assertMemory(t, proxy.running, 'VmHWM');
});

test(
  'a client that stops reading makes MAAS wait, not the memory grow, and then gets the rest',
  { timeout: 240_000 },
  async (t) => {
    const sent = createHash('sha256');
    let produced = 0;
    const origin = await startOrigin(t, ({ url = '' }, response) => {
      // The proxy's own first look at MAAS.
      if (!url.startsWith('/MAAS/api/2.0/files/')) return void response.end('{}');
      response.setHeader('Content-Length', 512 * MIB);
      const chunks = mebibytes(512, (chunk) => {
        sent.update(chunk);
        produced += 1;
      });
      pipeline(Readable.from(chunks, { highWaterMark: 1 }), response).catch(() => {});
    });
    const proxy = await startProcess(t, origin.url, canaryKey);
    const answer = await open(`${proxy.url}/files/?op=get&filename=large`);
    const arrived = createHash('sha256');
    for (let bytes = 0; bytes < MIB;) {
      const chunk = answer.read() as Buffer | null;
      if (chunk === null) {
        await once(answer, 'readable');
      } else {
        arrived.update(chunk);
        bytes += chunk.length;
      }
    }
    await standstill(() => produced);
    // What is on its way lies in the kernel's buffers of two connections.
    assert.ok(produced < 128, `MAAS has sent ${produced} of 512 MiB to a client that reads no more`);
    assertMemory(t, proxy.running, 'VmRSS');

    for await (const chunk of answer) arrived.update(chunk as Buffer);
    assert.equal(produced, 512);
    assert.equal(arrived.digest('hex'), sent.digest('hex'));
    assertMemory(t, proxy.running, 'VmHWM');
  },
);

async function startProcess(t: TestContext, maasUrl: string, key: string): Promise<{ url: string; running: Running }> {
  const running = startCli(t, ['serve', '--port', '0', '--admin-port', '0'], { MAAS_URL: maasUrl, MAAS_API_KEY: key });
  const [, url = ''] = await running.printed(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
  return { url, running };
}

/** Sends a request and resolves with the answer as soon as its head is there; nothing of its body is read. */
async function open(url: string, options: RequestOptions = {}, body?: Readable): Promise<IncomingMessage> {
  const sent = request(url, { ...options, agent: false });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  if (body === undefined) sent.end();
  else await pipeline(body, sent);
  const [answer] = await answered;
  return answer;
}

/** Mebibytes that all differ, each made when it is asked for. */
function* mebibytes(count: number, onEach?: (chunk: Buffer) => void): Generator<Buffer> {
  for (let index = 0; index < count; index += 1) {
    const chunk = Buffer.alloc(MIB, createHash('sha512').update(String(index)).digest());
    onEach?.(chunk);
    yield chunk;
  }
}

async function hashOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Resolves when a count has stayed the same for 20 looks in a row, 50 ms apart; fails when it never does. */
async function standstill(count: () => number): Promise<void> {
  let last = count();
  for (let look = 0, same = 0; look < 1200; look += 1) {
    await wait(50);
    same = count() === last ? same + 1 : 0;
    last = count();
    if (same === 20) return;
  }
  assert.fail(`no standstill; at ${last} now`);
}

/**
 * @param field of /proc/PID/status: `VmHWM` is the most that there ever was, `VmRSS` what there is now
 */
function assertMemory(t: TestContext, { child }: Running, field: 'VmHWM' | 'VmRSS'): void {
  if (process.platform !== 'linux') {
    t.diagnostic(`memory not looked at: ${process.platform} has no /proc`);
    return;
  }
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const kib = Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  t.diagnostic(`${field}: ${Math.round(kib / 1024)} MB`);
  assert.ok(kib < memoryLimitKib, `${field} is ${kib} kB`);
}

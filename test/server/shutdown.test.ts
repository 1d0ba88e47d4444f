// How the program stops, as a process of its own: what its clients see, and its exit code. Where nothing is said of the
// deadline it is so far away that a test would never see it.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startCli, type Running } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey } from '../support/proxy.ts';
import { connectRaw, type RawConnection } from '../support/raw.ts';
import { send } from '../support/request.ts';

const limit = { timeout: 120_000 };
const read = 'GET /machines/ HTTP/1.1\r\nHost: localhost\r\n\r\n';
const write = 'POST /tags/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n';
/** One of which MAAS gets the beginning before the rest is there. */
const upload = write.replace('10\r\n', '100000\r\n');

test(
  'SIGTERM: readyz turns, nobody new is let in, what is in flight is answered whole, exit code 0',
  limit,
  async (t) => {
    const { proxy, maas } = await start(t);
    const client = await connectRaw(t, proxy.url);
    client.socket.write(read);
    const answer = await maas.arrival();
    assert.equal((await send(`${proxy.adminUrl}/readyz`)).status, 200);

    proxy.running.child.kill('SIGTERM');
    await proxy.running.printed(/SIGTERM: waiting for requests in flight/);
    const ready = await send(`${proxy.adminUrl}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(ready.json()['reasons'], ['The proxy is stopping.']);
    assert.equal((await send(`${proxy.adminUrl}/livez`)).status, 200);
    await eventually(
      () => isRefused(t, proxy.url),
      () => 'clients are still let in',
    );

    answer.end('all of it');
    assert.equal(await client.closed, 'closed');
    assert.match(client.text(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\nConnection: close\r\n[^]*all of it$/);
    await assertEnded(proxy.running);
  },
);

test('SIGINT is the same', limit, async (t) => {
  const { proxy, maas } = await start(t);
  const client = await connectRaw(t, proxy.url);
  client.socket.write(read);
  const answer = await maas.arrival();
  proxy.running.child.kill('SIGINT');
  await proxy.running.printed(/SIGINT: waiting for requests in flight/);
  answer.end('all of it');
  await client.closed;
  assert.match(client.text(), /all of it$/);
  await assertEnded(proxy.running);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`a second signal, here ${signal}, ends the program at once`, limit, async (t) => {
    const { proxy, maas } = await start(t);
    const client = await connectRaw(t, proxy.url);
    client.socket.write(read);
    await maas.arrival();
    proxy.running.child.kill('SIGTERM');
    await proxy.running.printed(/SIGTERM: waiting for requests in flight/);
    proxy.running.child.kill(signal);
    const { code } = await proxy.running.ended;
    assert.equal(code, 1);
    assert.equal(client.text(), '');
  });
}

test('connections that are idle or were never used hold nothing up', limit, async (t) => {
  const { proxy, maas } = await start(t);
  const unused = await connectRaw(t, proxy.url);
  const idle = await connectRaw(t, proxy.url);
  idle.socket.write(read);
  (await maas.arrival()).end('{}');
  await idle.received(/\{\}$/);
  proxy.running.child.kill('SIGTERM');
  await assertEnded(proxy.running);
  assert.equal(await unused.closed, 'closed');
  assert.equal(await idle.closed, 'closed');
});

test(
  'what a client sends on an open connection as the signal comes is answered, and the connection is closed',
  limit,
  async (t) => {
    // The program listens for a second, and this machine may have a slow moment.
    for (let attempt = 1; ; attempt += 1) {
      const { proxy, maas } = await start(t);
      const unused = await connectRaw(t, proxy.url);
      const idle = await connectRaw(t, proxy.url);
      idle.socket.write(read);
      (await maas.arrival()).end('{}');
      await idle.received(/\{\}$/);
      proxy.running.child.kill('SIGTERM');
      await proxy.running.printed(/SIGTERM: waiting for requests in flight/);
      unused.socket.write(`${write}name=first`);
      idle.socket.write(`${write}name=other`);
      await Promise.race([maas.arrivals(3), proxy.running.ended]);
      if (maas.answers.length < 3 && attempt < 5) continue;
      for (const answer of maas.answers.slice(1)) answer.end('created');
      for (const client of [unused, idle]) {
        assert.equal(await client.closed, 'closed');
        assert.match(client.text(), /\r\nConnection: close\r\n[^]*created$/);
      }
      await assertEnded(proxy.running);
      return;
    }
  },
);

test(
  'whoever was let in by the kernel before the signal is answered',
  { ...limit, skip: process.platform === 'win32' },
  async (t) => {
    const { proxy, maas } = await start(t, ['--drain-timeout', '3600', '--max-upstream', '100']);
    proxy.running.child.kill('SIGSTOP');
    const clients: RawConnection[] = [];
    for (let count = 0; count < 50; count += 1) {
      const client = await connectRaw(t, proxy.url);
      client.socket.write(`${write}name=12345`);
      clients.push(client);
    }
    proxy.running.child.kill('SIGTERM');
    proxy.running.child.kill('SIGCONT');
    await Promise.race([maas.arrivals(clients.length), proxy.running.ended]);
    for (const answer of maas.answers) answer.end('created');
    for (const client of clients) {
      assert.equal(await client.closed, 'closed');
      assert.match(client.text(), /created$/);
    }
    assert.equal(maas.answers.length, clients.length);
    await assertEnded(proxy.running);
  },
);

test('a request of which half the head, or half the body, has come is waited for and answered', limit, async (t) => {
  const { proxy, maas } = await start(t);
  const uploading = await connectRaw(t, proxy.url);
  uploading.socket.write(`${upload}name=`);
  const beginning = await connectRaw(t, proxy.url);
  beginning.socket.write(write.slice(0, 30));
  const unused = await connectRaw(t, proxy.url);
  await maas.begun(1);
  proxy.running.child.kill('SIGTERM');
  // The last call is over when a connection without a request is closed.
  assert.equal(await unused.closed, 'closed');
  uploading.socket.write('x'.repeat(99_995));
  beginning.socket.write(`${write.slice(30)}name=other`);
  await maas.arrivals(2);
  for (const answer of maas.answers) answer.end('created');
  for (const client of [uploading, beginning]) {
    assert.equal(await client.closed, 'closed');
    assert.match(client.text(), /^HTTP\/1\.1 200 OK\r\n[^]*created$/);
  }
  await assertEnded(proxy.running);
});

test(
  'an answer that is under way comes whole, and then its connection is closed though it was to be kept',
  limit,
  async (t) => {
    const { proxy, maas } = await start(t);
    const client = await connectRaw(t, proxy.url);
    const unused = await connectRaw(t, proxy.url);
    client.socket.write(read);
    const answer = await maas.arrival();
    answer.writeHead(200, { 'Content-Length': 12 });
    answer.write('first ');
    await client.received(/first $/);
    assert.match(client.text(), /\r\nConnection: keep-alive\r\n/);
    proxy.running.child.kill('SIGTERM');
    assert.equal(await unused.closed, 'closed');
    answer.end('second');
    assert.equal(await client.closed, 'closed');
    assert.match(client.text(), /first second$/);
    await assertEnded(proxy.running);
  },
);

test('an answer is not cut for a client that reads it later', limit, async (t) => {
  const { proxy, maas } = await start(t);
  const bytes = 8 * 2 ** 20;
  const client = await connectRaw(t, proxy.url);
  client.socket.pause();
  client.socket.write(read);
  const answer = await maas.arrival();
  answer.writeHead(200, { 'Content-Length': bytes }).end(Buffer.alloc(bytes, 'x'));
  proxy.running.child.kill('SIGTERM');
  await eventually(
    () => isRefused(t, proxy.url),
    () => 'clients are still let in',
  );
  client.socket.resume();
  assert.equal(await client.closed, 'closed');
  const received = client.text();
  assert.equal(received.length - received.indexOf('\r\n\r\n') - 4, bytes);
  await assertEnded(proxy.running);
});

test('at the deadline an endless answer is cut, visibly, and the exit code is 0', limit, async (t) => {
  const { proxy, maas } = await start(t, ['--drain-timeout', '2']);
  const client = await connectRaw(t, proxy.url);
  client.socket.write(read);
  const answer = await maas.arrival();
  const timer = setInterval(() => answer.write('more '), 20);
  t.after(() => clearInterval(timer));
  await client.received(/more /);
  proxy.running.child.kill('SIGTERM');
  await assertEnded(proxy.running, /1 requests? (?:was|were) aborted/);
  await client.closed;
  // The chunk that would end the answer has not come.
  assert.doesNotMatch(client.text(), /\r\n0\r\n\r\n$/);
});

test('at the deadline a request that never comes whole is given up, and the exit code is 0', limit, async (t) => {
  const { proxy, maas } = await start(t, ['--drain-timeout', '2']);
  const uploading = await connectRaw(t, proxy.url);
  uploading.socket.write(`${upload}name=`);
  const beginning = await connectRaw(t, proxy.url);
  beginning.socket.write(write.slice(0, 30));
  await maas.begun(1);
  proxy.running.child.kill('SIGTERM');
  await assertEnded(proxy.running, /1 requests? (?:was|were) aborted/);
  await Promise.all([uploading.closed, beginning.closed]);
});

test(
  'a client that never closes its side, and one that keeps its connection to readyz, hold nothing up',
  limit,
  async (t) => {
    const { proxy, maas } = await start(t);
    const client = await connectRaw(t, proxy.url);
    client.socket.allowHalfOpen = true;
    client.socket.write(read);
    const answer = await maas.arrival();
    answer.writeHead(200, { 'Content-Length': 12 });
    answer.write('first ');
    await client.received(/first $/);
    const admin = await connectRaw(t, proxy.adminUrl);
    admin.socket.allowHalfOpen = true;
    admin.socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await admin.received(/"ready"/);
    const unused = await connectRaw(t, proxy.url);
    proxy.running.child.kill('SIGTERM');
    assert.equal(await unused.closed, 'closed');
    answer.end('second');
    await client.received(/first second$/);
    await assertEnded(proxy.running);
  },
);

test('a signal while MAAS has not answered the first look at it ends the program as well', limit, async (t) => {
  const origin = await startOrigin(t, () => {});
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], { MAAS_URL: origin.url, MAAS_API_KEY: canaryKey });
  await running.printed(/listening on/);
  await eventually(
    () => origin.received.length > 0,
    () => 'MAAS was not asked',
  );
  running.child.kill('SIGTERM');
  await assertEnded(running);
});

interface StartedProxy {
  readonly running: Running;
  readonly url: string;
  readonly adminUrl: string;
}

/** What waits for its answer at MAAS's side. */
interface Waiting {
  readonly answers: readonly ServerResponse[];
  /** Resolves with the next request that has come whole and is not answered. */
  arrival(): Promise<ServerResponse>;
  /** Resolves when so many have come whole since the start. */
  arrivals(count: number): Promise<void>;
  /** Resolves when the heads of so many have come since the start. */
  begun(count: number): Promise<void>;
}

/** The program, and a MAAS that answers what a test says, when it says so. */
async function start(
  t: TestContext,
  flags: readonly string[] = ['--drain-timeout', '3600'],
): Promise<{ proxy: StartedProxy; maas: Waiting }> {
  const answers: ServerResponse[] = [];
  let begun = 0;
  let next = 0;
  const origin = await startOrigin(t, ({ url = '' }, response) => {
    if (url.endsWith('/version/')) response.end('{"version": "3.7.3"}');
    else if (url.endsWith('/users/?op=whoami')) response.end('{"username": "admin"}');
    else answers.push(response);
  });
  origin.server.on('request', ({ url = '' }) => {
    if (!url.endsWith('/version/') && !url.endsWith('/users/?op=whoami')) begun += 1;
  });
  const running = startCli(t, ['--port', '0', '--admin-port', '0', ...flags], {
    MAAS_URL: origin.url,
    MAAS_API_KEY: canaryKey,
  });
  const [, url = '', adminUrl = ''] = await running.printed(/"url":"(http:[^"]+)","adminUrl":"(http:[^"]+)"/);
  await running.printed(/the key is admin/);
  const arrivals = (count: number): Promise<void> =>
    eventually(
      () => answers.length >= count,
      () => `${answers.length} of ${count} arrived`,
    );
  return {
    proxy: { running, url, adminUrl },
    maas: {
      answers,
      arrivals,
      begun: (count) =>
        eventually(
          () => begun >= count,
          () => `${begun} of ${count} begun`,
        ),
      async arrival() {
        await arrivals(next + 1);
        next += 1;
        return answers[next - 1] as ServerResponse;
      },
    },
  };
}

async function isRefused(t: TestContext, url: string): Promise<boolean> {
  try {
    (await connectRaw(t, url)).socket.destroy();
    return false;
  } catch {
    return true;
  }
}

/** @param cut what the log says of requests that were cut; by default there is none */
async function assertEnded({ ended }: Running, cut?: RegExp): Promise<void> {
  const { code, signal, stdout, stderr } = await ended;
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  assert.match(stdout, /"msg":"stopped"/);
  if (cut === undefined) assert.doesNotMatch(stdout, /cut/);
  else assert.match(stdout, cut);
}

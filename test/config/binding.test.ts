// Where the proxy can be reached, and by whom.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { emptyDirectory, startCli, type Ended, type Running } from '../support/cli.ts';
import { startOrigin } from '../support/origin.ts';
import { freePorts } from '../support/ports.ts';
import { needProgram } from '../support/programs.ts';
import { canaryKey, startTestProxy } from '../support/proxy.ts';
import { until } from '../support/until.ts';

const good = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey, PORT: '0', ADMIN_PORT: 'off' };

/** An address by which other machines reach this one. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .find(({ internal, address }) => !internal && !address.startsWith('fe80:'))?.address;

function noOutside(t: TestContext): void {
  t.skip('skipped: this machine has no address beyond loopback');
}

/** `connected`, or the code of the error. */
function reach(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** Runs the program where it should not start; where it does, it is stopped, and ends with exit code 0. */
function runRefused(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<Ended> {
  const running = startCli(t, args, env, cwd);
  running.printed(/listening on /).then(
    () => running.child.kill(),
    () => undefined,
  );
  return running.ended;
}

async function portOf(running: Running): Promise<number> {
  return Number((await running.printed(/listening on http:\/\/\S+:(\d+)"/))[1]);
}

test('by default this machine alone reaches it: the other address refuses', async (t) => {
  const running = startCli(t, [], good);
  const port = await portOf(running);
  assert.match(running.output(), /listening on http:\/\/127\.0\.0\.1:/);
  assert.equal(await reach('127.0.0.1', port), 'connected');
  for (const address of ['127.0.0.2', '::1']) assert.notEqual(await reach(address, port), 'connected', address);
  if (outside === undefined) noOutside(t);
  else assert.equal(await reach(outside, port), 'ECONNREFUSED');
});

for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', 'LOCALHOST']) {
  test(`HOST=${host} is loopback, and needs no leave`, async (t) => {
    const port = await portOf(startCli(t, [], { ...good, HOST: host }));
    assert.equal(await reach(host === '127.0.0.2' ? host : '127.0.0.1', port), 'connected');
    if (outside !== undefined) assert.equal(await reach(outside, port), 'ECONNREFUSED');
  });
}

test('HOST=::1 is loopback, and needs no leave', async (t) => {
  if ((await reach('::1', 1)) !== 'ECONNREFUSED') {
    t.skip('skipped: this machine has no ::1');
    return;
  }
  for (const host of ['::1', '[::1]']) {
    assert.equal(await reach('::1', await portOf(startCli(t, [], { ...good, HOST: host }))), 'connected');
  }
});

for (const [args, env, source] of [
  [[], { HOST: '0.0.0.0' }, 'HOST is 0.0.0.0'],
  [['--host', '[::]'], {}, '--host is ::'],
  [[], { HOST: 'maas-proxy' }, 'HOST is maas-proxy'],
] as const) {
  test(`${source} without leave: exit code 2 and one sentence that names both ways`, async (t) => {
    const { code, stdout, stderr } = await runRefused(t, args, { ...good, ...env });
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.ok(stderr.startsWith(`${source}, so anybody who can reach the port could use the API key: `), stderr);
    assert.match(stderr, /CLIENTS_FILE\b.*\bALLOW_UNAUTHENTICATED=true\b.*\.\n$/);
  });
}

for (const host of [
  '0',
  '::',
  '::ffff:0.0.0.0',
  '0:0:0:0:0:0:0:0',
  '192.0.2.7',
  '[2001:db8::7]',
  '128.0.0.1',
  '1127.0.0.1',
  'localhost.example',
  'localhost.',
  '127.0.0.1.example',
  'x127.0.0.1',
  '127.0.0.1x',
  '127.0.0.1000',
]) {
  test(`HOST=${host} is not loopback, and refused`, async (t) => {
    await assert.rejects(
      startTestProxy(t, good.MAAS_URL, { flags: ['--host', host] }),
      /^ConfigurationError: --host is /,
    );
  });
}

test("HOST being the machine's own address or name: exit code 2, and with leave it starts there", async (t) => {
  if (outside === undefined) {
    noOutside(t);
    return;
  }
  const { code, stderr } = await runRefused(t, [], { ...good, HOST: outside });
  assert.equal(code, 2);
  assert.ok(stderr.startsWith(`HOST is ${outside}, `), stderr);
  const port = await portOf(startCli(t, [], { ...good, HOST: outside, ALLOW_UNAUTHENTICATED: 'true' }));
  assert.equal(await reach(outside, port), 'connected');
  assert.equal(await reach('127.0.0.1', port), 'ECONNREFUSED');
  if (hostname() !== 'localhost') assert.equal((await runRefused(t, [], { ...good, HOST: hostname() })).code, 2);
});

for (const [what, args, env] of [
  ['ALLOW_UNAUTHENTICATED=true', [], { ALLOW_UNAUTHENTICATED: 'true' }],
  ['--allow-unauthenticated', ['--allow-unauthenticated'], {}],
] as const) {
  test(`with ${what} it listens on all interfaces`, async (t) => {
    const port = await portOf(startCli(t, args, { ...good, ...env, HOST: '0.0.0.0' }));
    for (const address of ['127.0.0.1', '127.0.0.2', ...(outside?.includes('.') === true ? [outside] : [])]) {
      assert.equal(await reach(address, port), 'connected', address);
    }
  });
}

test('ALLOW_UNAUTHENTICATED=false is no leave, nor is what cannot be read', async (t) => {
  for (const value of ['false', '']) {
    const { code, stderr } = await runRefused(t, [], { ...good, HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: value });
    assert.equal(code, 2, value);
    assert.match(stderr, /^HOST is 0\.0\.0\.0, /m);
  }
  const { code, stderr } = await runRefused(t, [], { ...good, HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'please' });
  assert.equal(code, 2);
  assert.match(stderr, /^ALLOW_UNAUTHENTICATED must be/m);
});

test('a HOST in .env needs leave too', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, '.env'), 'HOST=0.0.0.0\n');
  const { code, stderr } = await runRefused(t, [], good, cwd);
  assert.equal(code, 2);
  assert.match(stderr, /^HOST in \.env is 0\.0\.0\.0, /);
});

test('the admin listener may be reached from anywhere: it uses no key', async (t) => {
  const running = startCli(t, [], { ...good, ADMIN_HOST: '0.0.0.0', ADMIN_PORT: '0' });
  const port = Number((await running.printed(/"adminUrl":"http:\/\/0\.0\.0\.0:(\d+)"/))[1]);
  assert.equal(await reach(outside?.includes('.') === true ? outside : '127.0.0.2', port), 'connected');
});

interface SocketReply {
  readonly status: number;
  readonly body: string;
}

/** One GET through a unix socket. */
function get(socketPath: string, headers: Record<string, string> = {}): Promise<SocketReply> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/users/', headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}

function mode(path: string): number {
  return lstatSync(path).mode & 0o777;
}

/** Starts the program on a socket, and waits until it listens. */
async function startOn(
  t: TestContext,
  socket: string,
  env: Record<string, string> = good,
  cwd?: string,
): Promise<Running> {
  const running = startCli(t, ['--socket', socket], env, cwd);
  await running.printed(/listening on unix:/);
  return running;
}

test('--socket: requests through it are signed and forwarded, and MAAS is told no address of the client', async (t) => {
  const origin = await startOrigin(t);
  const path = join(emptyDirectory(t), 'maas.sock');
  const proxy = await startTestProxy(t, origin.url, { flags: ['--socket', path] });
  assert.equal(proxy.url, `unix:${path}`);
  assert.equal(mode(path), 0o600);
  assert.deepEqual(await get(path, { 'X-Forwarded-For': '6.6.6.6' }), { status: 200, body: 'ok' });
  const { headers, target } = origin.received[0] ?? assert.fail('nothing arrived');
  assert.equal(target, '/MAAS/api/2.0/users/');
  assert.match(headers.authorization ?? '', /CanaryTokenValue00/);
  assert.equal(headers['x-forwarded-for'], undefined);
  await until(
    () => proxy.log.some((line) => line['msg'] === 'request' && line['peer'] === 'unix'),
    'a line in the log',
  );
});

test('--socket: curl --unix-socket', async (t) => {
  const curl = await needProgram(t, 'curl');
  if (curl === undefined) return;
  const origin = await startOrigin(t);
  const path = join(emptyDirectory(t), 'maas.sock');
  await startTestProxy(t, origin.url, { flags: ['--socket', path] });
  const { stdout } = await promisify(execFile)(curl, ['-sS', '--unix-socket', path, 'http://localhost/users/']);
  assert.equal(stdout, 'ok');
  assert.equal(origin.received.length, 1);
});

test('--socket: Host and Origin are looked at as on a port', async (t) => {
  const origin = await startOrigin(t);
  const path = join(emptyDirectory(t), 'maas.sock');
  await startTestProxy(t, origin.url, { flags: ['--socket', path] });
  assert.equal((await get(path, { Host: 'evil.example' })).status, 421);
  assert.equal((await get(path, { Host: 'a@localhost' })).status, 400);
  assert.equal((await get(path, { Host: 'localhost', Origin: 'http://evil.example' })).status, 403);
  assert.equal(origin.received.length, 0);
});

test('--socket: there is no TCP port, and so HOST needs no leave', async (t) => {
  const [port = 0] = await freePorts(1);
  await startOn(t, join(emptyDirectory(t), 'maas.sock'), { ...good, HOST: '0.0.0.0', PORT: String(port) });
  assert.equal(await reach('127.0.0.1', port), 'ECONNREFUSED');
});

test('--socket: mode 0600 from the first moment, whatever the umask, which is as it was afterwards', async (t) => {
  const origin = await startOrigin(t);
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const path = join(emptyDirectory(t), 'maas.sock');
  const modes = new Set<number>();
  // Node tells this as soon as the file is there, before anybody can have changed its mode.
  const onListening = (): void => {
    if (existsSync(path)) modes.add(mode(path));
  };
  subscribe('tracing:net.server.listen:asyncEnd', onListening);
  t.after(() => unsubscribe('tracing:net.server.listen:asyncEnd', onListening));
  await startTestProxy(t, origin.url, { flags: ['--socket', path] });
  modes.add(mode(path));
  assert.deepEqual([...modes], [0o600]);
  assert.equal(process.umask(), 0);
});

test('--socket: mode 0600 from the first moment, seen from another process', async (t) => {
  const path = join(emptyDirectory(t), 'maas.sock');
  const running = startCli(t, ['--socket', path], good);
  const modes = new Set<number>();
  await until(() => {
    // As many looks as fit into a turn: the moment between `bind` and a later `chmod` is short.
    for (let look = 0; look < 500; look += 1) {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats !== undefined) modes.add(stats.mode & 0o777);
    }
    return running.output().includes('listening on unix:');
  }, 'it listens');
  assert.deepEqual([...modes], [0o600]);
});

test('--socket: the file is gone after a clean stop', async (t) => {
  const path = join(emptyDirectory(t), 'maas.sock');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const running = await startOn(t, path);
    running.child.kill(signal);
    assert.equal((await running.ended).code, 0);
    assert.equal(existsSync(path), false);
  }
});

test('--socket: a file that a killed proxy has left is replaced', async (t) => {
  const origin = await startOrigin(t);
  const path = join(emptyDirectory(t), 'maas.sock');
  const killed = await startOn(t, path);
  killed.child.kill('SIGKILL');
  await killed.ended;
  assert.ok(lstatSync(path).isSocket(), 'the killed one has left it');
  chmodSync(path, 0o666);
  await startOn(t, path, { ...good, MAAS_URL: origin.url });
  assert.equal(mode(path), 0o600);
  assert.equal((await get(path)).status, 200);
});

test('--socket: where another proxy listens it is refused, and the other goes on', async (t) => {
  const origin = await startOrigin(t);
  const path = join(emptyDirectory(t), 'maas.sock');
  await startOn(t, path, { ...good, MAAS_URL: origin.url });
  const { code, stderr } = await runRefused(t, ['--socket', path], good);
  assert.equal(code, 1);
  assert.equal(stderr, `Another program listens on ${path}; choose another path with --socket (SOCKET).\n`);
  assert.equal((await get(path)).status, 200);
});

test('SOCKET: where a program that is no proxy listens it is refused too', async (t) => {
  const path = join(emptyDirectory(t), 'other.sock');
  const other = createServer().listen(path);
  await once(other, 'listening');
  t.after(() => other.close());
  const { code, stderr } = await runRefused(t, [], { ...good, SOCKET: path });
  assert.equal(code, 1);
  assert.match(stderr, /^Another program listens on /);
  assert.ok(lstatSync(path).isSocket());
});

test('--socket: what is no socket is left untouched', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'file');
  writeFileSync(file, 'precious', { mode: 0o644 });
  const rights = mode(file);
  mkdirSync(join(directory, 'folder'));
  symlinkSync(file, join(directory, 'link'));
  symlinkSync(join(directory, 'nowhere'), join(directory, 'dangling'));
  const before = readdirSync(directory);
  for (const name of before) {
    const path = join(directory, name);
    const { code, stderr } = await runRefused(t, ['--socket', path], good);
    assert.equal(code, 1, name);
    assert.equal(stderr, `${path} is there already, and is no socket; choose another path with --socket (SOCKET).\n`);
  }
  assert.equal(readFileSync(file, 'utf8'), 'precious');
  assert.equal(mode(file), rights);
  assert.deepEqual(readdirSync(directory), before);
});

test('--socket: a link to a live socket is not followed, nor taken away', async (t) => {
  const directory = emptyDirectory(t);
  const path = join(directory, 'maas.sock');
  await startOn(t, path);
  const link = join(directory, 'link');
  symlinkSync(path, link);
  const { code, stderr } = await runRefused(t, ['--socket', link], good);
  assert.equal(code, 1);
  assert.match(stderr, /is there already, and is no socket/);
  assert.ok(lstatSync(link).isSymbolicLink());
});

test('--socket: a directory that is missing, a file, or a link to itself: one sentence, exit code 1', async (t) => {
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('loop', join(directory, 'loop'));
  for (const parent of ['missing', 'file', 'loop']) {
    const path = join(directory, parent, 'maas.sock');
    const { code, stdout, stderr } = await runRefused(t, ['--socket', path], good);
    assert.equal(code, 1, parent);
    assert.equal(stdout, '');
    assert.equal(stderr, `No socket can be made at ${path}; check that its directory exists and may be written to.\n`);
  }
  assert.deepEqual(readdirSync(directory), ['file', 'loop']);
});

test('--socket: a directory that this user may not write to, or look into: one sentence, exit code 1', async (t) => {
  if (process.getuid?.() === 0) {
    t.skip('skipped: root may write anywhere');
    return;
  }
  for (const rights of [0o500, 0o600]) {
    const closed = join(emptyDirectory(t), 'closed');
    mkdirSync(closed, { mode: rights });
    const { code, stderr } = await runRefused(t, ['--socket', join(closed, 'maas.sock')], good);
    assert.equal(code, 1);
    assert.match(stderr, /^No socket can be made at .*\.\n$/);
  }
});

test('--socket: a relative path is one from the working directory', async (t) => {
  const cwd = emptyDirectory(t);
  mkdirSync(join(cwd, 'run'));
  for (const path of ['maas.sock', './run/maas.sock']) {
    const running = await startOn(t, path, good, cwd);
    assert.equal(mode(join(cwd, path)), 0o600);
    const { code, stderr } = await runRefused(t, ['--socket', path], good, cwd);
    assert.equal(code, 1);
    assert.match(stderr, /^Another program listens on /);
    running.child.kill('SIGTERM');
    assert.equal((await running.ended).code, 0);
    assert.equal(existsSync(join(cwd, path)), false);
  }
});

test('--socket: a path of 107 bytes works, one of 108 is one sentence; bytes count, not letters', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('skipped: the limit is that of Linux');
    return;
  }
  const directory = emptyDirectory(t);
  const filled = (length: number, filling: string): string => {
    const room = length - Buffer.byteLength(`${directory}/`);
    const size = Buffer.byteLength(filling);
    return `${directory}/${filling.repeat(Math.floor(room / size))}${'x'.repeat(room % size)}`;
  };
  for (const filling of ['s', 'ü']) {
    const path = filled(107, filling);
    const running = await startOn(t, path);
    assert.equal(mode(path), 0o600);
    running.child.kill('SIGTERM');
    await running.ended;
    const { code, stdout, stderr } = await runRefused(t, ['--socket', filled(108, filling)], good);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.equal(
      stderr,
      "The path of --socket (SOCKET) has 108 bytes, and a socket's may have 107; choose a shorter one.\n",
    );
    assert.deepEqual(readdirSync(directory), []);
  }
});

test('--socket: when the start fails later, the file is gone again', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const address = taken.address();
  assert.ok(address !== null && typeof address === 'object');
  const path = join(emptyDirectory(t), 'maas.sock');
  const { code } = await runRefused(t, ['--socket', path], { ...good, ADMIN_PORT: String(address.port) });
  assert.equal(code, 1);
  assert.equal(existsSync(path), false);
});

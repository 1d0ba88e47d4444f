// What becomes of serving when nobody takes the log: the program as a process of its own, with something odd at standard output.
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { printPorts } from '../support/canary.ts';
import { emptyDirectory } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { canaryKey } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { scrape } from '../support/scrape.ts';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

interface Program {
  readonly child: ChildProcess;
  readonly url: string;
  readonly adminUrl: string;
}

/** Starts the program in front of a MAAS that says `ok`, with this descriptor as standard output. */
async function start(t: TestContext, stdout: number | 'pipe', format: 'json' | 'pretty' = 'json'): Promise<Program> {
  const { url: maasUrl } = await startOrigin(t);
  const child = spawn(process.execPath, [cli, '--port', '0', '--admin-port', '0'], {
    cwd: emptyDirectory(t),
    env: envFor(maasUrl, format),
    stdio: ['ignore', stdout, 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  return { child, ...(await portsIn(child.stderr)) };
}

function envFor(maasUrl: string, format: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    MAAS_URL: maasUrl,
    MAAS_API_KEY: canaryKey,
    LOG_FORMAT: format,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(printPorts)}`,
  };
}

/** The addresses that the program tells on standard error. */
async function portsIn(stderr: ChildProcess['stderr']): Promise<{ url: string; adminUrl: string }> {
  let text = '';
  for await (const chunk of stderr?.setEncoding('utf8').iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk);
    const [, url, adminUrl] = /test: (http:\S+)\n(?:[^]*\n)?test: (http:\S+)\n/.exec(text) ?? [];
    if (url !== undefined && adminUrl !== undefined) {
      stderr?.resume();
      return { url, adminUrl };
    }
  }
  return assert.fail(`it ended without listening: ${text}`);
}

/** Sends requests that make long lines in the log, some at a time; each must be answered. */
async function ask({ url }: Program, count: number): Promise<void> {
  let left = count;
  const path = `/machines/${'x'.repeat(2_000)}/`;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (left > 0) {
        left -= 1;
        assert.equal((await send(url + path)).status, 200);
      }
    }),
  );
}

async function dropped({ adminUrl }: Program): Promise<number> {
  return (await scrape(adminUrl)).get('maas_auth_proxy_log_lines_dropped_total') ?? Number.NaN;
}

async function assertServesAndStops(program: Program): Promise<void> {
  assert.equal((await send(`${program.adminUrl}/livez`)).status, 200);
  await assertStops(program.child);
}

async function assertStops(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await eventually(
    () => child.exitCode !== null || child.signalCode !== null,
    () => 'SIGTERM did not end it',
    20_000,
  );
  assert.deepEqual([child.exitCode, child.signalCode], [0, null]);
}

/** A pipe as a shell makes it: Node's own are sockets. */
function makePipe(t: TestContext): { write: number; path: string } {
  const path = join(emptyDirectory(t), 'pipe');
  execFileSync('mkfifo', [path]);
  // Opened for both, it needs nobody at the other end.
  const write = openSync(path, constants.O_RDWR);
  return { write, path };
}

/** Takes what is in a pipe now. */
function drain(fd: number): string {
  const buffer = Buffer.alloc(1 << 16);
  let text = '';
  for (;;) {
    try {
      const read = readSync(fd, buffer);
      if (read === 0) return text;
      text += buffer.toString('latin1', 0, read);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      return text;
    }
  }
}

for (const format of ['json', 'pretty'] as const) {
  test(`with the log on a full disk requests go on, lost lines are counted, and SIGTERM ends it (${format})`, async (t) => {
    const full = openSync('/dev/full', 'w');
    const program = await start(t, full, format);
    closeSync(full);
    await ask(program, 100);
    await eventually(
      async () => (await dropped(program)) >= 100,
      () => 'the lost lines were not counted',
    );
    await assertServesAndStops(program);
  });

  test(`with the log in a pipe that nobody reads requests go on, and SIGTERM ends it (${format})`, async (t) => {
    const { write } = makePipe(t);
    const program = await start(t, write, format);
    closeSync(write);
    await ask(program, 300);
    await assertServesAndStops(program);
  });

  test(`with the log in a socket that nobody reads, as systemd's is, requests go on, and SIGTERM ends it (${format})`, async (t) => {
    const program = await start(t, 'pipe', format);
    await ask(program, 600);
    await assertServesAndStops(program);
  });

  test(`with the log on a terminal that stands still requests go on, and SIGTERM ends it (${format})`, async (t) => {
    const { url: maasUrl } = await startOrigin(t);
    const directory = emptyDirectory(t);
    const told = join(directory, 'told');
    const command = `echo "pid=$$" >&2; exec '${process.execPath}' '${cli}' --port 0 --admin-port 0`;
    const terminal = spawn('script', ['-qefc', `{ ${command}; } 2>'${told}'`, '/dev/null'], {
      cwd: directory,
      env: envFor(maasUrl, format),
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    t.after(() => terminal.kill('SIGKILL'));
    let found: RegExpExecArray | null = null;
    await eventually(
      () => {
        found = /pid=(\d+)\n(?:[^]*\n)?test: (http:\S+)\n(?:[^]*\n)?test: (http:\S+)\n/.exec(readIfThere(told));
        return found !== null;
      },
      () => `it did not listen: ${readIfThere(told)}`,
    );
    const [, pid, url = '', adminUrl = ''] = found ?? [];
    t.after(() => isRunning(Number(pid)) && process.kill(Number(pid), 'SIGKILL'));
    terminal.kill('SIGSTOP');
    await ask({ child: terminal, url, adminUrl }, 100);
    assert.equal((await send(`${adminUrl}/livez`)).status, 200);
    process.kill(Number(pid), 'SIGTERM');
    await eventually(
      () => !isRunning(Number(pid)),
      () => 'SIGTERM did not end it',
    );
    const ended = once(terminal, 'exit');
    terminal.kill('SIGCONT');
    assert.deepEqual(await ended, [0, null]);
  });
}

test('what waits for a reader is bounded; when one comes, the first line behind the gap says how many are missing', async (t) => {
  const { write, path } = makePipe(t);
  const program = await start(t, write);
  closeSync(write);
  await ask(program, 2_500);
  const lost = await dropped(program);
  // 4 MiB of lines, and 64 KiB in the pipe.
  assert.ok(lost > 400 && lost < 1_000, `${lost} lines were dropped`);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let text = drain(reader);
  const readUntil = async (isEnough: () => boolean, what: string): Promise<void> =>
    eventually(
      () => {
        text += drain(reader);
        return isEnough();
      },
      () => `not read: ${what}`,
    );
  const count = (): number => text.split('"msg":"request"}\n').length - 1;
  await readUntil(() => count() === 2_500 - lost, 'all lines that were not dropped');
  await send(`${program.url}/machines/`, { headers: { 'X-Request-Id': 'behind-the-gap' } });
  await readUntil(() => count() === 2_500 - lost + 1, 'the line behind the gap');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.at(-1)?.['requestId'], 'behind-the-gap');
  assert.deepEqual(
    { level: lines.at(-2)?.['level'], dropped: lines.at(-2)?.['dropped'], msg: lines.at(-2)?.['msg'] },
    {
      level: 'warn',
      dropped: lost,
      msg: `${lost} lines of the log are missing here: nobody read standard output as fast as they came.`,
    },
  );
  await assertStops(program.child);
  closeSync(reader);
});

test('when the disk has room again the log goes on in a line of its own, and says how many are missing', async (t) => {
  const prlimit = await needProgram(t, 'prlimit', { debianPackage: 'util-linux' });
  if (prlimit === undefined) return;
  const file = join(emptyDirectory(t), 'log');
  writeFileSync(file, '');
  const stdout = openSync(file, 'a');
  const program = await start(t, stdout);
  closeSync(stdout);
  const limit = (bytes: number | 'unlimited'): void => {
    execFileSync(prlimit, ['--pid', String(program.child.pid), `--fsize=${bytes}:unlimited`]);
  };
  const askAs = (id: string): Promise<unknown> => send(`${program.url}/machines/`, { headers: { 'X-Request-Id': id } });
  await askAs('before');
  await eventually(
    () => readFileSync(file, 'utf8').includes('before'),
    () => 'no line of the first request',
  );
  limit(statSync(file).size + 50);
  for (let count = 0; count < 3; count += 1) await askAs('lost');
  await eventually(
    async () => (await dropped(program)) === 3,
    () => 'three lines were not lost',
  );
  limit('unlimited');
  await askAs('after');
  await eventually(
    () => readFileSync(file, 'utf8').includes('after'),
    () => 'no line of the last request',
  );
  await assertStops(program.child);
  const lines = readFileSync(file, 'utf8').split('\n');
  const torn = lines.findIndex((line) => line.length === 50);
  assert.ok(torn > 0, lines.join('\n'));
  assert.deepEqual(
    lines.slice(torn + 1, torn + 3).map((line) => {
      const { dropped: missing, requestId } = JSON.parse(line) as Record<string, unknown>;
      return missing ?? requestId;
    }),
    [3, 'after'],
  );
});

test('a pipe that other programs write to as well stays as they need it: a write of theirs waits and does not fail', async (t) => {
  const { write } = makePipe(t);
  const program = await start(t, write);
  closeSync(write);
  await ask(program, 1);
  const flags = /flags:\s*([0-7]+)/.exec(readFileSync(`/proc/${program.child.pid}/fdinfo/1`, 'utf8'))?.[1];
  assert.equal(Number.parseInt(flags ?? '', 8) & constants.O_NONBLOCK, 0);
  await assertStops(program.child);
});

test('a command whose output meets a full disk says so', async (t) => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [cli, '--help'], { cwd: emptyDirectory(t), stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number];
  assert.deepEqual({ code, stderr }, { code: 1, stderr: 'Standard output cannot be written: the disk is full.\n' });
});

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Whether a process has not ended yet; its parent, which stands still, has not taken notice. */
function isRunning(pid: number): boolean {
  const state = /^\d+ \(.*\) (\w)/.exec(readIfThere(`/proc/${pid}/stat`))?.[1];
  return state !== undefined && state !== 'Z';
}

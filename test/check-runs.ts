// What the tests of `check` share: running the real program, and servers to run it against.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSimulator, type Simulator, type SimulatorOptions } from '../src/simulator/simulator.ts';

const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url));

/** An API key that no server knows. */
export const someKey = 'aaaaaaaaaaaaaaaaaa:bbbbbbbbbbbbbbbbbb:theSecretThatNobodyMaySee0000000';

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The usual ports may be another program's on the machine that tests. */
const anyPort = { PORT: '0', ADMIN_PORT: 'off' };

/** Runs the program as a user would, in an empty directory that is its home as well, with nothing else in its environment. */
export async function run(t: TestContext, args: readonly string[], env: Record<string, string>): Promise<Run> {
  const { directory = emptyDirectory(t), ...rest } = env;
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: directory,
    env: { HOME: directory, ...anyPort, ...rest },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  return { code, stdout, stderr };
}

/** One step as `--json` shows it. */
export interface JsonStep {
  readonly step: string;
  readonly status: string;
  readonly detail: string;
  readonly remedy?: string;
}

/** `check --json`: its exit code, and its steps by name. */
export async function check(
  t: TestContext,
  env: Record<string, string>,
  ...flags: string[]
): Promise<Run & { ok: boolean; steps: JsonStep[]; step: (name: string) => JsonStep }> {
  const outcome = await run(t, ['check', '--json', ...flags], env);
  const { ok, steps } = JSON.parse(outcome.stdout) as { ok: boolean; steps: JsonStep[] };
  const step = (name: string): JsonStep => {
    const found = steps.find((candidate) => candidate.step === name);
    if (found === undefined) throw new Error(`there is no step "${name}" in ${outcome.stdout}`);
    return found;
  };
  return { ...outcome, ok, steps, step };
}

/** A new directory that goes when the test ends. */
export function emptyDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'maas-auth-proxy-check-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A small MAAS that ends with the test. */
export async function maas(t: TestContext, options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ machines: 1, ...options });
  t.after(() => simulator.close());
  return simulator;
}

/** Any other web server. @returns its origin */
export function webServer(t: TestContext, listener: RequestListener): Promise<string> {
  return listening(t, createServer(listener));
}

/** Something that speaks no HTTP. @returns its origin, as if it did */
export function tcpServer(t: TestContext, listener: (socket: Socket) => void): Promise<string> {
  return listening(
    t,
    createTcpServer((socket) => {
      socket.on('error', () => {});
      listener(socket);
    }),
  );
}

async function listening(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { emptyDirectory } from './cli.ts';
import { eventually } from './eventually.ts';

/** A real redis-server. */
export interface TestRedis {
  readonly child: ChildProcess;
  /** Kills it immediately, as in a crash. */
  kill(): Promise<void>;
}

/** Starts a redis-server without persistence; it stops with the test. */
export async function startRedis(
  t: TestContext,
  command: string,
  port: number,
  flags: readonly string[] = [],
): Promise<TestRedis> {
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...flags];
  const child = spawn(command, own, { cwd: emptyDirectory(t), stdio: 'ignore' });
  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  t.after(kill);
  await eventually(
    () => accepts(port),
    () => 'redis-server does not listen',
  );
  return { child, kill };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

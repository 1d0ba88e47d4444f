import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What `wrk` found. */
export interface Load {
  readonly requests: number;
  /** Latency, µs. */
  readonly p50: number;
  readonly p99: number;
}

/** Whether wrk is installed. */
export async function hasWrk(): Promise<boolean> {
  try {
    await execute('wrk', ['-v']);
    return true;
  } catch (error) {
    // It ends with 1 after telling its version.
    return (error as { code?: unknown }).code === 1;
  }
}

/**
 * Loads a port of 127.0.0.1 from a fixed number of connections, each of which asks again once it has its answer. No two
 * requests are the same, so that none can be joined.
 */
export async function load(
  port: number,
  path: string,
  { connections, seconds, headers }: { connections: number; seconds: number; headers: readonly string[] },
): Promise<Load> {
  const script = new URL('../../bench/load.lua', import.meta.url).pathname;
  const { stdout } = await execute('wrk', [
    '--threads=1',
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    `--script=${script}`,
    ...headers.map((header) => `--header=${header}`),
    `http://127.0.0.1:${port}${path}`,
  ]);
  const [, requests, errors, p50, p99] = /^found (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout) ?? [];
  if (requests === undefined) throw new Error(`wrk printed:\n${stdout}`);
  if (Number(errors) > 0) throw new Error(`${errors} of ${requests} requests for ${path} got no answer, or a bad one`);
  return { requests: Number(requests), p50: Number(p50), p99: Number(p99) };
}

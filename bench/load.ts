import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What `wrk` measured. */
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
    // wrk prints its version and exits with 1.
    return (error as { code?: unknown }).code === 1;
  }
}

/**
 * Loads a port of 127.0.0.1 from a fixed number of connections; each sends its next request when it has the response.
 * No two requests are identical, so none can be collapsed.
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
  if (Number(errors) > 0) throw new Error(`${errors} of ${requests} requests for ${path} failed`);
  return { requests: Number(requests), p50: Number(p50), p99: Number(p99) };
}

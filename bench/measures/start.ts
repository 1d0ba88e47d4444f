import { setTimeout as wait } from 'node:timers/promises';
import { ask } from '../ask.ts';
import type { Lane } from '../programs/lane.ts';
import { memoryOf } from '../processes.ts';

/** A start of a program. */
export interface Start {
  /** From the start of its process to its first response, ms. */
  readonly ms: number;
  /** Memory at rest, a moment after that response, bytes. */
  readonly memory: number;
}

/**
 * Starts a program, sends it one request, and stops it.
 *
 * @param path the path of the request
 * @param calm how long it is left idle before its memory is read, ms
 */
export async function measureStart(lane: Lane, originPort: number, path: string, calm: number): Promise<Start> {
  const running = await lane.start(originPort);
  try {
    await ask({ name: lane.name, running }, path);
    const ms = performance.now() - running.startedAt;
    await wait(calm);
    return { ms, memory: memoryOf(running.pid) };
  } finally {
    await running.stop();
  }
}

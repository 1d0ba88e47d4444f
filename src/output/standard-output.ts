import { constants, fstatSync, openSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { batched } from './batched.ts';
import { createLineQueue, type LineQueueOptions, type LineSink } from './line-queue.ts';
import { writeAll, writeInPool, writeWhenReady } from './write.ts';
import { isSystemError } from '../system/system-error.ts';

/** Standard output for a service: writing never blocks, whatever reads it. */
export interface StandardOutput {
  /** Adds a line, with its newline. */
  add(line: string): void;
  /** How many lines have been dropped since the start, because the reader was too slow or they could not be written. */
  dropped(): number;
  /** Writes the remaining lines, for at most a second. */
  close(): Promise<void>;
}

/** How long a slow reader may delay the end of the process, ms. */
const lastWait = 1_000;

const descriptor = 1;

/**
 * Opens standard output.
 *
 * @param maxBytes how many bytes may wait for a reader
 * @param notice the line that reports dropped lines, before the first line that is not dropped
 */
export function openStandardOutput(maxBytes: number, notice: LineQueueOptions['notice']): StandardOutput {
  let dropped = 0;
  const { sink, writeNow } = chooseSink();
  const queue = createLineQueue(sink, {
    maxBytes,
    schedule: batched(),
    ...(notice !== undefined && { notice }),
    onLost(lines) {
      dropped += lines;
    },
  });
  process.once('exit', () => writeNow(queue.takeWaiting()));
  return {
    add: queue.add,
    dropped: () => dropped,
    close: () => Promise.race([queue.close(), wait(lastWait)]),
  };
}

interface Chosen {
  readonly sink: LineSink;
  /** Writes what it can before the process ends. */
  writeNow(batch: Buffer): void;
}

/**
 * Chooses how to write to standard output. Pipes and terminals are opened once more, with `O_NONBLOCK`: setting it on
 * the existing descriptor would make other programs that share it lose output, and Node's own stream for a terminal
 * blocks.
 */
function chooseSink(): Chosen {
  const isTerminal = isatty(descriptor);
  const stats = fstatSync(descriptor);
  if (isTerminal || stats.isFIFO()) {
    const opened = openAgain(isTerminal ? ['/proc/self/fd/1', '/dev/tty'] : ['/proc/self/fd/1']);
    if (opened !== undefined) return ready(opened);
  }
  // A socket (systemd's journal) or another user's pipe cannot be opened again. Node's stream sets `O_NONBLOCK` on it.
  if (!isTerminal && (stats.isFIFO() || stats.isSocket()) && process.stdout.writable) return ready(descriptor);
  return {
    sink: { write: (batch, start, done) => writeInPool(descriptor, batch, start, done) },
    writeNow(batch) {
      try {
        if (!isTerminal) writeAll(descriptor, batch, 0);
      } catch (error) {
        if (!isSystemError(error)) throw error;
      }
    },
  };
}

function ready(fd: number): Chosen {
  const sink = writeWhenReady(fd);
  return { sink, writeNow: sink.writeNow };
}

/** Opens the first path that can be opened. It must not become the controlling terminal of a process that has none. */
function openAgain(paths: readonly string[]): number | undefined {
  for (const path of paths) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
  return undefined;
}

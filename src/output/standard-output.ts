import { constants, fstatSync, openSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { createLineQueue, type LineQueueOptions, type LineSink } from './line-queue.ts';
import { isSystemError, writeAll, writeInPool, writeWhenReady } from './write.ts';

/** Standard output as a service needs it: writing to it never waits, whatever stands at its other end. */
export interface StandardOutput {
  /** Adds a line, with its newline. */
  add(line: string): void;
  /** How many lines were dropped since the start, because nobody took them in time or they could not be written. */
  dropped(): number;
  /** Writes what is left; a second later it is given up. */
  close(): Promise<void>;
}

/** For how long lines wait for further ones, ms, where lines come one after the other: nobody can tell. */
const gathering = 10;

/** How long the end of the process may be held up by a reader that is slow, ms. */
const lastWait = 1_000;

const descriptor = 1;

/**
 * Opens standard output.
 *
 * @param room how much may wait for a reader, bytes
 * @param notice the line that says how many were dropped, in front of the first that is not
 */
export function openStandardOutput(room: number, notice: LineQueueOptions['notice']): StandardOutput {
  let dropped = 0;
  const { sink, writeNow } = chooseSink();
  const queue = createLineQueue(sink, {
    room,
    schedule: together(),
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

/**
 * Has lines that come close together written at once: the first at the end of the event loop's turn, those that follow within a
 * moment with each other. A write for each was the log's largest cost.
 */
function together(): (write: () => void) => void {
  let writtenAt = -Infinity;
  return (write) => {
    const flush = (): void => {
      writtenAt = performance.now();
      write();
    };
    if (performance.now() - writtenAt > gathering) setImmediate(flush);
    else setTimeout(flush, gathering);
  };
}

interface Chosen {
  readonly sink: LineSink;
  /** Writes what it can before the process ends. */
  writeNow(batch: Buffer): void;
}

/**
 * How to write to what standard output is. Pipes and terminals are opened once more, with `O_NONBLOCK`: set on the descriptor that is there, other
 * programs that have it too would lose what they write, and Node's own stream for a terminal waits.
 */
function chooseSink(): Chosen {
  const isTerminal = isatty(descriptor);
  const stats = fstatSync(descriptor);
  if (isTerminal || stats.isFIFO()) {
    const opened = openAgain(isTerminal ? ['/proc/self/fd/1', '/dev/tty'] : ['/proc/self/fd/1']);
    if (opened !== undefined) return ready(opened);
  }
  // A socket (systemd's journal) cannot be opened again, nor another user's pipe. Node's stream sets `O_NONBLOCK` on it.
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

/** Opens the first of these that can be. It must not become the terminal of a process that has none. */
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

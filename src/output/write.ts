import { write, writeSync } from 'node:fs';
import type { LineSink } from './line-queue.ts';

/** Writes to a file, by another thread: a disk may hang, and none says beforehand that it will. */
export function writeInPool(fd: number, batch: Buffer, start: number, done: Parameters<LineSink['write']>[2]): void {
  write(fd, batch, start, batch.length - start, null, done);
}

/** A sink that takes what it has room for and says so of the rest: a descriptor with `O_NONBLOCK`. */
export interface ReadySink extends LineSink {
  /** Writes what was begun, and this, as far as there is room now. For a process that ends. */
  writeNow(batch: Buffer): void;
}

/** How long to wait for room, ms: the first time, and the longest. A pipe of 64 KiB and 5 ms let 50,000 lines a second pass. */
const pauses = { first: 5, longest: 100 };

/**
 * Writes to a pipe, a socket or a terminal that has `O_NONBLOCK`. A thread of libuv's pool would stay in a write to a pipe that
 * nobody reads, four of them are all that there are for files and names, and a process waits for them when it ends.
 */
export function writeWhenReady(fd: number): ReadySink {
  let begun: { batch: Buffer; start: number } | undefined;

  function attempt(batch: Buffer, start: number, pause: number, done: Parameters<LineSink['write']>[2]): void {
    let written: number;
    try {
      written = writeSync(fd, batch, start);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code !== 'EAGAIN') {
        begun = undefined;
        return done(error, 0);
      }
      begun = { batch, start };
      // Nothing else tells: epoll does, through a stream that would close the descriptor after its first error.
      setTimeout(() => attempt(batch, start, Math.min(pause * 2, pauses.longest), done), pause).unref();
      return;
    }
    begun = undefined;
    done(null, written);
  }

  return {
    write: (batch, start, done) => attempt(batch, start, pauses.first, done),
    writeNow(batch) {
      try {
        if (begun !== undefined) writeAll(fd, begun.batch, begun.start);
        writeAll(fd, batch, 0);
      } catch (error) {
        if (!isSystemError(error)) throw error;
      }
    },
  };
}

/** @throws {Error} the system's, as soon as there is no more room */
export function writeAll(fd: number, batch: Buffer, start: number): void {
  for (let at = start; at < batch.length;) at += writeSync(fd, batch, at);
}

/** Whether it is one that the system has thrown, with its code. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

import { write, writeSync } from 'node:fs';
import type { LineSink } from './line-queue.ts';
import { isSystemError } from '../system/system-error.ts';

/** Writes to a file in libuv's thread pool: a disk may hang without warning. */
export function writeInPool(fd: number, batch: Buffer, start: number, done: Parameters<LineSink['write']>[2]): void {
  write(fd, batch, start, batch.length - start, null, done);
}

/** A sink that writes as much as fits: a descriptor with `O_NONBLOCK`. */
export interface ReadySink extends LineSink {
  /** Writes the batch in progress, and this one, as far as they fit now. For a process that exits. */
  writeNow(batch: Buffer): void;
}

/**
 * How long to wait until the descriptor is writable again, ms: the first time, and the longest. A pipe of 64 KiB and 5
 * ms let 50,000 lines a second pass.
 */
const pauses = { first: 5, longest: 100 };

/**
 * Writes to a pipe, a socket or a terminal that has `O_NONBLOCK`. A thread of libuv's pool would block in a write to a
 * pipe that nobody reads; there are only four threads for files and host names, and a process waits for them when it
 * exits.
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
      // Only epoll reports that it is writable, through a stream that would close the descriptor after its first error.
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

/** @throws {Error} the system's, as soon as the descriptor is full */
export function writeAll(fd: number, batch: Buffer, start: number): void {
  for (let at = start; at < batch.length;) at += writeSync(fd, batch, at);
}

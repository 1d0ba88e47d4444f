import { close, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { createLineQueue } from './line-queue.ts';
import { writeInPool } from './write.ts';

/** A file that is only ever added to, by whole lines. */
export interface LineFile {
  /** Adds a line, without its newline, as soon as may be; nobody waits for it. */
  add(line: string): void;
  /**
   * Opens the file anew, after another program has moved it (logrotate).
   *
   * @throws {Error} the system's, when it cannot be opened; the one from before stays in use
   */
  reopen(): void;
  /** Writes what is left, and closes. */
  close(): Promise<void>;
}

/** What a file's owner is told. */
export interface LineFileEvents {
  /** So many lines could not be written, and are gone. @param code the system's, such as `ENOSPC` */
  onLost(lines: number, code: string): void;
  /** Lines can be written again. */
  onResumed(): void;
}

/** How much may wait to be written, bytes: a disk that hangs must not take the memory. */
const room = 8 * 1024 * 1024;

const newline = 10;

/**
 * Opens a file of lines, or makes one that its owner alone may read. Lines that come together are written by one write(2) at
 * the file's end, so that no other process comes between, and one that is killed leaves none half written. Where a full disk
 * has left half a line, or something else has, that line gets its end before anything is added.
 *
 * pino's sonic-boom was not taken: on a full disk it keeps half a line for later, does not say how many it has lost, and never
 * closes.
 *
 * @throws {Error} the system's, when the file cannot be opened
 */
export function openLineFile(path: string, events: LineFileEvents): LineFile {
  let fd = openToAppend(path);
  let next: number | undefined;
  const queue = createLineQueue(
    {
      write: (batch, start, done) => writeInPool(fd, batch, start, done),
      change() {
        if (next === undefined) return undefined;
        close(fd, () => undefined);
        fd = next;
        next = undefined;
        return endsWithinLine(path);
      },
    },
    { ...events, room, isTorn: endsWithinLine(path) },
  );
  let isClosed = false;
  return {
    add: (line) => queue.add(`${line}\n`),
    reopen() {
      const opened = openToAppend(path);
      if (next !== undefined) closeSync(next);
      next = opened;
      queue.pump();
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await queue.close();
      await promisify(close)(fd);
    },
  };
}

function openToAppend(path: string): number {
  return openSync(path, 'a', 0o600);
}

/** Whether the last line of a file has no end. What is no regular file has no lines to look at. */
function endsWithinLine(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return false; // it may be written and not read
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size === 0) return false;
    const last = Buffer.alloc(1);
    readSync(fd, last, 0, 1, stats.size - 1);
    return last[0] !== newline;
  } finally {
    closeSync(fd);
  }
}

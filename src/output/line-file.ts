import { close, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { createLineQueue, type LineSink } from './line-queue.ts';
import { writeInPool, writeWhenReady } from './write.ts';

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
  /** Writes what is left, and closes; what a pipe's reader has not taken within a second is given up. */
  close(): Promise<void>;
}

/** What a file's owner is told. */
export interface LineFileEvents {
  /** So many lines could not be written, and are gone. @param code the system's, such as `ENOSPC` */
  onLost(lines: number, code: string): void;
  /** Lines can be written again. */
  onResumed(): void;
}

/** How long the end of the process may be held up by a pipe's reader that is slow, ms. */
const lastWait = 1_000;

const newline = 10;

/**
 * Opens a file of lines, or makes one that its owner alone may read. Lines that come together are written by one write(2) at
 * the file's end, so that no other process comes between, and one that is killed leaves none half written. Where a full disk
 * has left half a line, or something else has, that line gets its end before anything is added.
 *
 * pino's sonic-boom was not taken: on a full disk it keeps half a line for later, does not say how many it has lost, and never
 * closes.
 *
 * @param room how much may wait to be written, bytes: a disk that hangs must not take the memory
 * @throws {Error} the system's, when the file cannot be opened
 */
export function openLineFile(path: string, room: number, events: LineFileEvents): LineFile {
  let target = openToAppend(path);
  let next: Target | undefined;
  const queue = createLineQueue(
    {
      write: (batch, start, done) => target.write(batch, start, done),
      change() {
        if (next === undefined) return undefined;
        close(target.fd, () => undefined);
        target = next;
        next = undefined;
        return endsWithinLine(path, target);
      },
    },
    { ...events, room, isTorn: endsWithinLine(path, target) },
  );
  let isClosed = false;
  return {
    add: (line) => queue.add(`${line}\n`),
    reopen() {
      const opened = openToAppend(path);
      if (next !== undefined) closeSync(next.fd);
      next = opened;
      queue.pump();
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      // Not closed before all is written: another file could get the number.
      const written = queue.close().then(() => promisify(close)(target.fd));
      await (target.isFile ? written : Promise.race([written, wait(lastWait)]));
    },
  };
}

/** What lines go to. */
interface Target extends LineSink {
  readonly fd: number;
  /** Whether it is a file on a disk; a pipe (`/dev/stdout`) may have a reader that takes nothing. */
  readonly isFile: boolean;
}

function openToAppend(path: string): Target {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600);
  const stats = fstatSync(fd);
  const write: LineSink['write'] =
    stats.isFIFO() || isatty(fd)
      ? writeWhenReady(fd).write
      : (batch, start, done) => writeInPool(fd, batch, start, done);
  return { fd, isFile: stats.isFile(), write };
}

/** Whether the last line of a file has no end. What is no regular file has no lines to look at. */
function endsWithinLine(path: string, { isFile }: Target): boolean {
  if (!isFile) return false;
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return false; // it may be written and not read
  }
  try {
    const stats = fstatSync(fd);
    if (stats.size === 0) return false;
    const last = Buffer.alloc(1);
    readSync(fd, last, 0, 1, stats.size - 1);
    return last[0] !== newline;
  } finally {
    closeSync(fd);
  }
}

import { close, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { createLineQueue, type LineSink } from './line-queue.ts';
import { writeInPool, writeWhenReady } from './write.ts';

/** A file to which only complete lines are appended. */
export interface LineFile {
  /** Queues a line, without its newline, to be written soon. */
  add(line: string): void;
  /**
   * Opens the file anew, after another program has moved it (logrotate).
   *
   * @throws {Error} the system's, if it cannot be opened; the old one stays in use
   */
  reopen(): void;
  /** Writes the remaining lines and closes; lines that a pipe's reader has not taken within a second are dropped. */
  close(): Promise<void>;
}

/** The events of a line file. */
export interface LineFileEvents {
  /** So many lines could not be written, and are lost. @param code the system's, such as `ENOSPC` */
  onLost(lines: number, code: string): void;
  /** Lines can be written again. */
  onResumed(): void;
}

/** How long a slow reader of a pipe may delay the end of the process, ms. */
const lastWait = 1_000;

const newline = 10;

/**
 * Opens a file of lines, or creates one that only its owner may read. Lines that come together are written by one
 * write(2) at the end of the file, so that lines of other processes do not mix with them and a killed process leaves no
 * half line. If the last line is incomplete, after a full disk for example, it is ended before anything is appended.
 *
 * pino's sonic-boom was not taken: on a full disk it keeps half a line for later, does not say how many it has lost,
 * and never closes.
 *
 * @param maxBytes how many bytes may wait to be written: a disk that hangs must not fill the memory
 * @throws {Error} the system's, if the file cannot be opened
 */
export function openLineFile(path: string, maxBytes: number, events: LineFileEvents): LineFile {
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
    { ...events, maxBytes, isTorn: endsWithinLine(path, target) },
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
      // Closed only after everything is written: another file could get the descriptor.
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

/** Whether the last line of a file is incomplete; `false` for everything but regular files. */
function endsWithinLine(path: string, { isFile }: Target): boolean {
  if (!isFile) return false;
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return false; // the file may be writable but not readable
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

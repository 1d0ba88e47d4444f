import { close, closeSync, fstatSync, openSync, readSync, write } from 'node:fs';
import { promisify } from 'node:util';

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

/** How much may wait to be written, characters: a disk that hangs must not take the memory. */
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
export function openLineFile(path: string, { onLost, onResumed }: LineFileEvents): LineFile {
  let fd = openToAppend(path);
  let isTorn = endsWithinLine(path);
  let lines: string[] = [];
  let size = 0;
  let isLosing = false;
  let isWriting = false;
  let isClosed = false;
  let next: number | undefined;
  let whenIdle: (() => void) | undefined;

  function lose(count: number, code: string): void {
    isLosing = true;
    onLost(count, code);
  }

  function pump(): void {
    if (isWriting) return;
    if (next !== undefined) {
      close(fd, () => undefined);
      fd = next;
      next = undefined;
      isTorn = endsWithinLine(path);
    }
    if (lines.length === 0 && !isTorn) {
      whenIdle?.();
      return;
    }
    const batch = Buffer.from(`${isTorn ? '\n' : ''}${lines.join('')}`);
    lines = [];
    size = 0;
    isWriting = true;
    writeFrom(batch, 0);
  }

  function writeFrom(batch: Buffer, start: number): void {
    write(fd, batch, start, batch.length - start, null, (error, written) => {
      if (error === null && start + written < batch.length) {
        // Room for a part of it: the rest meets the error.
        writeFrom(batch, start + written);
        return;
      }
      isWriting = false;
      if (error === null) {
        isTorn = false;
        if (isLosing) onResumed();
        isLosing = false;
      } else {
        // The newline in front ends a line of before.
        lose(countLines(batch, Math.max(start, isTorn ? 1 : 0)), error.code ?? error.name);
        if (start > 0) isTorn = batch[start - 1] !== newline;
      }
      // A torn end is tried again with the next line, not at once and for ever.
      if (lines.length > 0 || next !== undefined) pump();
      else whenIdle?.();
    });
  }

  if (isTorn) pump();
  return {
    add(line) {
      if (isClosed || size + line.length > room) {
        lose(1, 'EBUSY');
        return;
      }
      lines.push(`${line}\n`);
      size += line.length + 1;
      pump();
    },
    reopen() {
      const opened = openToAppend(path);
      if (next !== undefined) closeSync(next);
      next = opened;
      pump();
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (isWriting) {
        await new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
      }
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

/** How many lines end behind a place in a batch. */
function countLines(batch: Buffer, start: number): number {
  let count = 0;
  for (let at = batch.indexOf(newline, start); at !== -1; at = batch.indexOf(newline, at + 1)) count += 1;
  return count;
}

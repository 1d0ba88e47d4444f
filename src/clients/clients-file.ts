import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ClientsError, parseClients, type Client } from './client.ts';

/** How long a command waits for another one to finish with the file, ms. */
const patience = 10_000;

/**
 * Reads the text of a clients file.
 *
 * @throws {ClientsError} why it cannot be read, in words
 */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new ClientsError('does not exist, or may not be read');
  }
}

/**
 * Reads a clients file.
 *
 * @throws {ClientsError} what is wrong with it
 */
export function readClients(file: string): Client[] {
  return parseClients(readText(file));
}

/**
 * Changes a clients file, or makes it. Of two commands at once the second waits for the first; a process that is killed at
 * any moment leaves the old file or the new one, never half of one.
 *
 * @param change gets the clients, and gives back those that the file is to hold
 */
export async function changeClients(file: string, change: (clients: Client[]) => Client[]): Promise<void> {
  const release = await takeLock(`${file}.lock`);
  try {
    const clients = change(existsSync(file) ? readClients(file) : []);
    replaceFile(file, `${JSON.stringify({ clients }, undefined, 2)}\n`);
  } finally {
    release();
  }
}

/** Writes to a file beside it, down to the disk, and then puts that in its place. */
function replaceFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0o600;
  const handle = openSync(temporary, 'wx', mode & 0o777);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  const directory = openSync(dirname(file), 'r');
  fsyncSync(directory);
  closeSync(directory);
}

async function takeLock(lock: string): Promise<() => void> {
  const until = Date.now() + patience;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx', mode: 0o600 });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
        throw new ClientsError('cannot be written: its directory does not exist, or may not be written to');
      }
    }
    if (isAbandoned(lock)) removeAbandoned(lock);
    else if (Date.now() > until)
      throw new ClientsError(`is being changed by another command; if there is none, remove ${lock}`);
    else await wait(20);
  }
}

/** One at a time: of two that saw the same dead owner, the second would remove the lock that the first has just taken. */
function removeAbandoned(lock: string): void {
  const guard = `${lock}.guard`;
  try {
    closeSync(openSync(guard, 'wx', 0o600));
  } catch {
    const age = Date.now() - (statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 5_000) rmSync(guard, { force: true });
    return;
  }
  if (isAbandoned(lock)) rmSync(lock, { force: true });
  rmSync(guard, { force: true });
}

/** Whether the process that took a lock is gone. */
function isAbandoned(lock: string): boolean {
  try {
    const owner = Number(readFileSync(lock, 'utf8'));
    if (!Number.isInteger(owner) || owner <= 0) return Date.now() - statSync(lock).mtimeMs > 1_000;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'ENOENT');
  }
}

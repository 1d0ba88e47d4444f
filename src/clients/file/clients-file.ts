import { readFileSync, statSync } from 'node:fs';
import { ClientsError, type Client } from '../client.ts';
import { takeLock } from './lock.ts';
import { parseClients } from './parse-clients.ts';
import { realPath } from './real-path.ts';
import { replaceFile } from './replace-file.ts';
import { systemErrorCode } from '../../system/system-error.ts';

/** How long a command waits for another one that changes the file, ms. */
const lockTimeoutMs = 30_000;

/**
 * Reads the text of a clients file.
 *
 * @throws {ClientsError} why it cannot be read, in words
 */
export function readClientsFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ClientsError(whyUnreadable(error));
  }
}

/** Explains why a clients file could not be read. @param error the system's */
export function whyUnreadable(error: unknown): string {
  return whyNot(error, 'read');
}

/**
 * Reads a clients file.
 *
 * @throws {ClientsError} what is wrong with it
 */
export function readClients(file: string): Client[] {
  return parseClients(readClientsFile(file));
}

/**
 * Counts the other hard links of a file. Each of them keeps the old content when the file is changed, because a new
 * file replaces it.
 */
export function countOtherNames(file: string): number {
  return Math.max(0, (statSync(file, { throwIfNoEntry: false })?.nlink ?? 1) - 1);
}

/**
 * Changes a clients file, or creates it. Of two concurrent commands, the second waits for the first. A process that is
 * killed at any moment leaves the old file or the new one, never half of one, and no lock that blocks the next command.
 *
 * @param change gets the clients, and returns those that the file should contain; called again if the lock was lost
 * @throws {ClientsError} why the file is unchanged, in words
 */
export async function changeClients(file: string, change: (clients: Client[]) => Client[]): Promise<void> {
  try {
    while (!(await changeOnce(file, change)));
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw new ClientsError(whyNot(error, 'written'));
    throw error;
  }
}

async function changeOnce(named: string, change: (clients: Client[]) => Client[]): Promise<boolean> {
  // Commands that reach the file through a link must share the lock with those that use its own path.
  const file = realPath(named);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) throw new ClientsError('is a directory, and must be a file');
  // Replacing a device by a file would affect every other program too: root could replace /dev/null so.
  if (found !== undefined && !found.isFile()) {
    throw new ClientsError('is a device, a pipe or a socket; name a file, which is made if there is none');
  }
  const lock = await takeLock(`${file}.lock`, lockTimeoutMs);
  if (lock === undefined) throw new ClientsError('is being changed by other commands; try again');
  try {
    const text = `${JSON.stringify({ clients: change(readForChange(file)) }, undefined, 2)}\n`;
    // The file must not contain what the gateway would refuse.
    parseClients(text);
    return replaceFile(file, text, lock.isHeld);
  } finally {
    lock.release();
  }
}

/** An empty file counts as a new one: a container's mount needs a file. */
function readForChange(file: string): Client[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw new ClientsError(whyNot(error, 'read'));
  }
  return text.trim() === '' ? [] : parseClients(text);
}

function whyNot(error: unknown, done: 'read' | 'written'): string {
  switch (systemErrorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return done === 'read' ? 'does not exist' : 'cannot be written: its directory does not exist';
    case 'EACCES':
    case 'EPERM':
      return done === 'read'
        ? 'may not be read by this user'
        : 'cannot be written: this user may not make files in its directory';
    case 'EROFS':
      return 'cannot be written: its directory is mounted read-only';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'cannot be written: the disk is full';
    case 'EBUSY':
      return 'cannot be replaced, because it is mounted by itself; mount the directory that it is in';
    case 'EISDIR':
      return 'is a directory, and must be a file';
    case 'ELOOP':
      return 'is a symbolic link that leads to itself';
    case 'EMFILE':
    case 'ENFILE':
      return `cannot be ${done} while so many files and connections are open (a higher limit helps: ulimit -n, LimitNOFILE=)`;
    default:
      return `cannot be ${done}`;
  }
}

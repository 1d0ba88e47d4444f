import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { systemErrorCode } from '../../system/system-error.ts';

/** A lock that this process holds. */
export interface Lock {
  /**
   * Whether the lock is still held: another process may have removed it as abandoned. Must be checked right before
   * writing.
   */
  isHeld(): boolean;
  release(): void;
}

/** After this time a lock counts as abandoned, ms: its owner needs some milliseconds, or is on another machine. */
const abandonedAfter = 5_000;

/**
 * Takes the lock that a file stands for; waits while another process holds it. A lock whose owner was killed is
 * removed: immediately if the owner ran on this machine, after some seconds if that is unknown.
 *
 * @param timeoutMs how long to wait, ms
 * @returns `undefined` after the timeout
 * @throws the system's error if the file cannot be created
 */
export async function takeLock(file: string, timeoutMs: number): Promise<Lock | undefined> {
  const ownId = `${process.pid} ${pidNamespace()} ${randomBytes(8).toString('hex')}`;
  for (const end = Date.now() + timeoutMs; !tryCreate(file, ownId);) {
    const found = readLock(file);
    if (found !== undefined && isAbandoned(found)) removeAbandoned(file, found.owner);
    else if (Date.now() > end) return undefined;
    else await wait(5 + Math.random() * 20);
  }
  const isHeld = (): boolean => readLock(file)?.owner === ownId;
  return {
    isHeld,
    release() {
      if (isHeld()) rmSync(file, { force: true });
    },
  };
}

/** Creates the file, if there is none. */
function tryCreate(file: string, owner: string): boolean {
  try {
    writeFileSync(file, owner, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

interface Found {
  readonly owner: string;
  /** ms */
  readonly age: number;
}

function readLock(file: string): Found | undefined {
  try {
    return { owner: readFileSync(file, 'utf8'), age: Math.abs(Date.now() - statSync(file).mtimeMs) };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isAbandoned({ owner, age }: Found): boolean {
  if (age > abandonedAfter) return true;
  const [pid, where] = owner.split(' ');
  // An owner may also have been killed between creating and writing the file.
  if (where === undefined) return age > 1_000;
  if (where !== pidNamespace()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return systemErrorCode(error) === 'ESRCH';
  }
}

/**
 * Removes an abandoned lock. Two processes may do this, and the second would remove the new lock of the first;
 * therefore the file is renamed first, and checked afterwards.
 */
function removeAbandoned(file: string, owner: string): void {
  const moved = `${file}.old`;
  try {
    renameSync(file, moved);
    if (readFileSync(moved, 'utf8') !== owner) linkSync(moved, file);
  } catch {
    // Another process was faster. A process that loses its lock by this notices it with `isHeld`.
  }
  rmSync(moved, { force: true });
}

let known: string | undefined;

/** Identifies where process ids are comparable: this boot of this machine, and this container. */
function pidNamespace(): string {
  known ??= [readOr('', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()), hostname()]
    .concat(readOr('', () => readlinkSync('/proc/self/ns/pid')))
    .join('/')
    .replaceAll(' ', '');
  return known;
}

function readOr(otherwise: string, read: () => string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

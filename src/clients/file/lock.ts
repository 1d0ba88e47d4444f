import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';

/** A lock that this process holds. */
export interface Lock {
  /** Whether it still does: another process may have taken it for abandoned. To be asked right before what counts. */
  isHeld(): boolean;
  release(): void;
}

/** After this time a lock counts as abandoned, ms: its owner works for some milliseconds, or is on another machine. */
const abandonedAfter = 5_000;

/**
 * Takes the lock that a file stands for; waits while another process has it. A lock whose owner was killed is taken over: at
 * once where the owner ran here, after some seconds where that cannot be told.
 *
 * @param timeoutMs how long to wait, ms
 * @returns `undefined` when that was not enough
 * @throws the system's error when the file cannot be made
 */
export async function takeLock(file: string, timeoutMs: number): Promise<Lock | undefined> {
  const mine = `${process.pid} ${place()} ${randomBytes(8).toString('hex')}`;
  for (const end = Date.now() + timeoutMs; !isMade(file, mine);) {
    const found = look(file);
    if (found !== undefined && isAbandoned(found)) removeAbandoned(file, found.owner);
    else if (Date.now() > end) return undefined;
    else await wait(5 + Math.random() * 20);
  }
  const isHeld = (): boolean => look(file)?.owner === mine;
  return {
    isHeld,
    release() {
      if (isHeld()) rmSync(file, { force: true });
    },
  };
}

/** Makes the file, if there is none. */
function isMade(file: string, owner: string): boolean {
  try {
    writeFileSync(file, owner, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

interface Found {
  readonly owner: string;
  /** ms */
  readonly age: number;
}

function look(file: string): Found | undefined {
  try {
    return { owner: readFileSync(file, 'utf8'), age: Math.abs(Date.now() - statSync(file).mtimeMs) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isAbandoned({ owner, age }: Found): boolean {
  if (age > abandonedAfter) return true;
  const [pid, where] = owner.split(' ');
  // Between making the file and writing into it an owner may have been killed too.
  if (where === undefined) return age > 1_000;
  if (where !== place()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

/**
 * Takes an abandoned lock out of the way. Two may be at it, and the second would remove what the first has just made: so the
 * file is moved first, and then looked at.
 */
function removeAbandoned(file: string, owner: string): void {
  const moved = `${file}.old`;
  try {
    renameSync(file, moved);
    if (readFileSync(moved, 'utf8') !== owner) linkSync(moved, file);
  } catch {
    // Somebody else was faster. Who has lost a lock by that notices before it counts.
  }
  rmSync(moved, { force: true });
}

let known: string | undefined;

/** Where process ids mean the same: this boot of this machine, and in it this container. */
function place(): string {
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

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

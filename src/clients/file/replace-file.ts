import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { realPath } from './real-path.ts';

/** After this time what a killed process has left is removed, ms. */
const leftoverAge = 60_000;

/**
 * Puts a text in a file's place: whoever reads, and whatever is killed or loses power at any moment, there is the old text
 * or the new one. The file is for its owner alone; where its group could read it, the group still can.
 *
 * @param isSure asked when everything is on the disk; where it says no, the file stays as it was
 * @returns whether the new text is in place
 */
export function replaceFile(file: string, text: string, isSure: () => boolean = () => true): boolean {
  // A symbolic link stays one, also where what it leads to is not there yet.
  const target = realPath(file);
  removeLeftovers(target);
  const before = statSync(target, { throwIfNoEntry: false });
  const temporary = `${target}.${randomBytes(6).toString('hex')}.new`;
  try {
    const handle = openSync(temporary, 'wx', before === undefined ? 0o600 : (before.mode & 0o640) | 0o600);
    try {
      // For root alone: a command run by root must not take the file away from the user that the gateway runs as.
      if (before !== undefined && process.getuid?.() === 0) fchownSync(handle, before.uid, before.gid);
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    if (!isSure()) return false;
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectory(dirname(target));
  return true;
}

function removeLeftovers(target: string): void {
  const directory = dirname(target);
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${basename(target)}.`) || !/\.[0-9a-f]{12}\.new$/.test(name)) continue;
    const path = join(directory, name);
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - changed > leftoverAge) rmSync(path, { force: true });
  }
}

/** Without this a power cut could undo the renaming. Not every file system can do it. */
function syncDirectory(directory: string): void {
  try {
    const handle = openSync(directory, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    // Then the file system itself decides when the name is on the disk.
  }
}

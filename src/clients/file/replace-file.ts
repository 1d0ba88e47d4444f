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

/** After this time the temporary file of a killed process is removed, ms. */
const leftoverAge = 60_000;

/**
 * Replaces the content of a file atomically: readers see the old text or the new one, even after a crash or a power
 * cut. Only the owner may read the file; if its group could read it, the group still can.
 *
 * @param isSure called when the new text is on the disk; if it returns false, the file stays unchanged
 * @returns whether the file was replaced
 */
export function replaceFile(file: string, text: string, isSure: () => boolean = () => true): boolean {
  // A symbolic link stays one, even if its target does not exist yet.
  const target = realPath(file);
  removeLeftovers(target);
  const before = statSync(target, { throwIfNoEntry: false });
  const temporary = `${target}.${randomBytes(6).toString('hex')}.new`;
  try {
    const handle = openSync(temporary, 'wx', before === undefined ? 0o600 : (before.mode & 0o640) | 0o600);
    try {
      // Only for root: a command that root runs must not take the file away from the gateway's user.
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

/** Without this a power cut could undo the renaming. Not every file system supports it. */
function syncDirectory(directory: string): void {
  try {
    const handle = openSync(directory, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    // Then the file system decides when the name is on the disk.
  }
}

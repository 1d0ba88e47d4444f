import { createHash } from 'node:crypto';
import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * How a file looks from outside: which one it is (behind symbolic links), how long, and when it was written. Two looks that are
 * equal mean that nothing has changed, unless both writes were within a tick of the file system's clock.
 *
 * @returns a text to compare; also for a file that is not there, or may not be reached
 */
export async function fingerprint(file: string): Promise<string> {
  try {
    return outline(await stat(file, { bigint: true }));
  } catch (error) {
    return codeOf(error);
  }
}

/** The same, before anything else can happen. */
export function fingerprintSync(file: string): string {
  try {
    return outline(statSync(file, { bigint: true }));
  } catch (error) {
    return codeOf(error);
  }
}

/** A file's content to compare, of which no secret can be read. */
export function digest(content: string): string {
  return createHash('sha256').update(content).digest('base64');
}

function outline({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreachable';
}

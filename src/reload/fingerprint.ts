import { createHash } from 'node:crypto';
import { statSync, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { systemErrorCode } from '../system/system-error.ts';

/**
 * The fingerprint of a file: its identity (behind symbolic links), its size and its times. Equal fingerprints mean that
 * the file has not changed, unless both writes happened within one tick of the file system's clock.
 *
 * @returns a text to compare; also for a file that is missing or unreachable
 */
export async function fingerprint(file: string): Promise<string> {
  try {
    return outline(await stat(file, { bigint: true }));
  } catch (error) {
    return systemErrorCode(error) || 'unreachable';
  }
}

/** The same, synchronously. */
export function fingerprintSync(file: string): string {
  try {
    return outline(statSync(file, { bigint: true }));
  } catch (error) {
    return systemErrorCode(error) || 'unreachable';
  }
}

/** A digest of a file's content, to compare contents without holding a secret. */
export function digest(content: string): string {
  return createHash('sha256').update(content).digest('base64');
}

function outline({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

import { readSettingFile, type ReadText } from '../config/files.ts';
import { digest, fingerprintSync } from './fingerprint.ts';

/** The files of a value, as they were when they were read for it. */
export interface Reading {
  readonly read: ReadText;
  /** The fingerprint of each file before it was read, by its path. */
  readonly fingerprints: ReadonlyMap<string, string>;
  /** All contents as one text to compare; for a file that could not be read, the reason. */
  contents(): string;
  /** Whether a file could not be read for any reason: that may change while its fingerprint stays the same. */
  readonly hasUnread: boolean;
}

/** Begins a reading: its `read` notes each file. */
export function createReading(): Reading {
  const fingerprints = new Map<string, string>();
  const contents = new Map<string, string>();
  let hasUnread = false;
  return {
    fingerprints,
    get hasUnread() {
      return hasUnread;
    },
    contents: () => [...contents].flat().join('\n'),
    read(file) {
      fingerprints.set(file, fingerprintSync(file));
      try {
        const text = readSettingFile(file);
        contents.set(file, digest(text));
        return text;
      } catch (error) {
        contents.set(file, error instanceof Error ? error.message : '');
        hasUnread = true;
        throw error;
      }
    },
  };
}

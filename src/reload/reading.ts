import { readSettingFile, type ReadText } from '../config/files.ts';
import { digest, fingerprintSync } from './fingerprint.ts';

/** The files that something is made of, as they were when they were read for it. */
export interface Reading {
  readonly read: ReadText;
  /** How each file looked before it was read, by its path. */
  readonly fingerprints: ReadonlyMap<string, string>;
  /** All contents in one text to compare; a file that could not be read counts by the reason. */
  contents(): string;
  /** Whether a file could not be read, for whatever reason: that may pass without a trace in how it looks. */
  readonly hasUnread: boolean;
}

/** Begins to read: whatever is read by its `read` is noted. */
export function createReading(): Reading {
  const looks = new Map<string, string>();
  const contents = new Map<string, string>();
  let hasUnread = false;
  return {
    fingerprints: looks,
    get hasUnread() {
      return hasUnread;
    },
    contents: () => [...contents].flat().join('\n'),
    read(file) {
      looks.set(file, fingerprintSync(file));
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

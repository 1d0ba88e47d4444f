import { readFileSync, statSync } from 'node:fs';
import { SettingError } from './values.ts';
import { systemErrorCode } from '../system/system-error.ts';

/** Reads a file's text; throws a `SettingError` if it cannot be read. */
export type ReadText = (file: string) => string;

/** A file that a setting names, and that may change while the program runs. */
export interface NamedFile {
  readonly file: string;
  /** The setting that names it, for messages: `--policy`. */
  readonly source: string;
}

/** The file that a setting names. */
export function namedFile({ text, source }: { readonly text: string; readonly source: string }): NamedFile {
  return { file: text, source };
}

/**
 * Reads a file that a setting names.
 *
 * @throws {SettingError} why it cannot be read
 */
export function readSettingFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingError(`names the file ${file}, ${whyUnreadable(error)}`, { cause: error });
  }
}

/** Describes why a file could not be read. */
export function whyUnreadable(error: unknown): string {
  switch (systemErrorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'which does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'which this user may not read';
    case 'EISDIR':
      return 'which is a directory';
    case 'ELOOP':
      return 'which is a symbolic link that leads to itself';
    case 'EMFILE':
    case 'ENFILE':
      return 'which cannot be read while so many files and connections are open (a higher limit helps: ulimit -n, LimitNOFILE=)';
    default:
      return 'which cannot be read';
  }
}

/** Describes why a file could not be created or appended to. */
export function whyUnwritable(error: unknown): string {
  switch (systemErrorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'whose directory does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'which this user may not write';
    case 'EISDIR':
      return 'which is a directory';
    case 'EROFS':
      return 'which lies on a read-only file system';
    case 'EMFILE':
    case 'ENFILE':
      return 'which cannot be opened while so many files and connections are open (a higher limit helps: ulimit -n, LimitNOFILE=)';
    case 'ENOSPC':
      return 'for which the disk has no room';
    case 'ENXIO':
      return 'which is a pipe that nobody reads, or a socket';
    default:
      return 'which cannot be written';
  }
}

/** Whether every user of the machine may read a file; `false` if the file does not exist. */
export function othersMayRead(file: string): boolean {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode;
  return process.platform !== 'win32' && mode !== undefined && (mode & 0o004) !== 0;
}

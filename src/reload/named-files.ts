import type { ReadText } from '../config/files.ts';
import { SettingError } from '../config/values.ts';
import type { Source } from './watcher.ts';
import type { Watched, WatchedFiles } from './watched-files.ts';

/** Files that another file names; each is watched for as long as it is named. */
export interface NamedFiles<Value> {
  /**
   * Begins a reading of the file that names them.
   *
   * @param read of that reading, so that it notices when an unusable file changes
   * @returns watches a file. @param path its path @param named its name as written @param purpose what it is used for,
   *   for sentences. @returns gives the current value. @throws {SettingError} why it cannot be used
   */
  begin(read: ReadText): (path: string, named: string, purpose: string) => () => Value;
  /** Stops watching the files that were not named since `begin`. */
  forgetOthers(): void;
}

/**
 * Watches files that another file names.
 *
 * @param makeSource how one is watched
 * @param tryRead reads one, to say why it cannot be used
 */
export function watchNamed<Value>(
  watchedFiles: WatchedFiles,
  makeSource: (path: string, named: string) => Source<Value>,
  tryRead: (path: string, read: ReadText) => void,
): NamedFiles<Value> {
  const watched = new Map<string, Watched<Value>>();
  let used = new Set<string>();

  function begin(path: string, named: string, purpose: string, read: ReadText): Watched<Value> {
    try {
      const begun = watchedFiles.watch(makeSource(path, named));
      watched.set(path, begun);
      return begun;
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      throw new SettingError(`${whyUnusable(path, read)}; it is to be ${purpose}`);
    }
  }

  function whyUnusable(path: string, read: ReadText): string {
    try {
      tryRead(path, read);
      return `names the file ${path}, which was changing`;
    } catch (error) {
      if (error instanceof SettingError) return error.message;
      throw error;
    }
  }

  return {
    begin(read) {
      used = new Set();
      return (path, named, purpose) => {
        used.add(path);
        return (watched.get(path) ?? begin(path, named, purpose, read)).now;
      };
    },
    forgetOthers() {
      for (const [path, one] of watched) {
        if (used.has(path)) continue;
        one.close();
        watched.delete(path);
      }
    },
  };
}

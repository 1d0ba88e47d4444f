import { SettingError } from '../config/values.ts';
import { createWatcher, type Watcher, type ReloadEvent, type WatchState, type Source } from './watcher.ts';

/** The files that a running proxy watches. */
export interface WatchedFiles {
  /**
   * Makes something of files, and makes it anew whenever one of them changes.
   *
   * @returns gives the value in force
   * @throws {SettingError} what is wrong with the files now, with what names them
   */
  watch<Value>(source: Source<Value>): Watched<Value>;
  /** Reads all files again, whether they look changed or not: what SIGHUP asks for. Resolves when that is done. */
  reload(): Promise<void>;
  /** How each stands: for metrics. */
  states(): readonly WatchState[];
  /** Stops watching. */
  close(): void;
}

/** A value that is reloaded when its files change. */
export interface Watched<Value> {
  /** The value in force. */
  now(): Value;
  /** Stops watching. */
  close(): void;
}

/** How often the files' fingerprints are taken, ms. */
const interval = 250;

/**
 * Watches files and reloads what was made of them. It takes each file's fingerprint four times a second, one `stat` each. This notices any
 * rename, and any chain of symbolic links as in a Kubernetes Secret, and works on network file systems and bind mounts,
 * where the kernel's notices (`fs.watch`) do not come.
 *
 * @param report told of each change
 */
export function createWatchedFiles(report: (event: ReloadEvent) => void): WatchedFiles {
  const watchers = new Set<Watcher<unknown>>();
  const timer = setInterval(() => {
    for (const watcher of watchers) void watcher.poll();
  }, interval);
  timer.unref();

  function begin<Value>(source: Source<Value>): Watcher<Value> {
    try {
      return createWatcher(source, report);
    } catch (error) {
      if (error instanceof SettingError) throw new SettingError(`${source.subject} ${error.message}`);
      throw error;
    }
  }

  return {
    watch<Value>(source: Source<Value>): Watched<Value> {
      const watcher = begin(source);
      watchers.add(watcher);
      return {
        now: watcher.now,
        close() {
          watcher.close();
          watchers.delete(watcher);
        },
      };
    },
    reload: async () => {
      await Promise.all([...watchers].map((watcher) => watcher.reload()));
    },
    states: () => [...watchers].map((watcher) => watcher.state()),
    close() {
      clearInterval(timer);
      for (const watcher of watchers) watcher.close();
      watchers.clear();
    },
  };
}

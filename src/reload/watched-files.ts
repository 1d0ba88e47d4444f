import { SettingError } from '../config/values.ts';
import { createWatcher, type Watcher, type ReloadEvent, type WatchState, type Source } from './watcher.ts';

/** The files that a running proxy keeps to. */
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
  /** Ends the looking. */
  close(): void;
}

/** Something that follows its files. */
export interface Watched<Value> {
  /** The value in force. */
  now(): Value;
  /** Ends the following. */
  close(): void;
}

/** How often the files are looked at, ms. */
const interval = 250;

/**
 * Keeps things to their files. The files are looked at four times a second, which costs one `stat` each: that follows any
 * rename, and any chain of symbolic links as a Kubernetes Secret has them, and works on network file systems and bind mounts,
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

import { SettingError } from '../config/values.ts';
import { createWatcher, type Watcher, type ReloadEvent, type WatchState, type Source } from './watcher.ts';

/** The files that a running proxy watches. */
export interface WatchedFiles {
  /**
   * Watches the files of a value, and reloads the value when one of them changes.
   *
   * @returns the watched value
   * @throws {SettingError} what is wrong with the files now, with the name of the setting
   */
  watch<Value>(source: Source<Value>): Watched<Value>;
  /** Reads all files again, even if they seem unchanged: what SIGHUP does. Resolves when that is done. */
  reload(): Promise<void>;
  /** The state of each watched value, for metrics. */
  states(): readonly WatchState[];
  /** Stops watching. */
  close(): void;
}

/** A value that is reloaded when its files change. */
export interface Watched<Value> {
  /** The current value. */
  now(): Value;
  /** Stops watching. */
  close(): void;
}

/** How often the files' fingerprints are taken, ms. */
const interval = 250;

/**
 * Watches files and reloads the values made of them. It takes each file's fingerprint four times a second, with one
 * `stat` each. This notices any rename and any chain of symbolic links, as in a Kubernetes Secret, and works on network
 * file systems and bind mounts, where the kernel's notifications (`fs.watch`) do not arrive.
 *
 * @param report called for each change
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

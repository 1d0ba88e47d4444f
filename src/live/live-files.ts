import { SettingError } from '../config/values.ts';
import { createFollower, type Follower, type LiveEvent, type LiveState, type Source } from './follower.ts';

/** The files that a running proxy keeps to. */
export interface LiveFiles {
  /**
   * Makes something of files, and makes it anew whenever one of them changes.
   *
   * @returns gives the value in force
   * @throws {SettingError} what is wrong with the files now, with what names them
   */
  follow<Value>(source: Source<Value>): Followed<Value>;
  /** Reads all files again, whether they look changed or not: what SIGHUP asks for. Resolves when that is done. */
  reload(): Promise<void>;
  /** How each stands: for metrics. */
  states(): readonly LiveState[];
  /** Ends the looking. */
  close(): void;
}

/** Something that follows its files. */
export interface Followed<Value> {
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
export function createLiveFiles(report: (event: LiveEvent) => void): LiveFiles {
  const followers = new Set<Follower<unknown>>();
  const timer = setInterval(() => {
    for (const follower of followers) void follower.look();
  }, interval);
  timer.unref();

  function begin<Value>(source: Source<Value>): Follower<Value> {
    try {
      return createFollower(source, report);
    } catch (error) {
      if (error instanceof SettingError) throw new SettingError(`${source.subject} ${error.message}`);
      throw error;
    }
  }

  return {
    follow<Value>(source: Source<Value>): Followed<Value> {
      const follower = begin(source);
      followers.add(follower);
      return {
        now: follower.now,
        close() {
          follower.close();
          followers.delete(follower);
        },
      };
    },
    reload: async () => {
      await Promise.all([...followers].map((follower) => follower.reload()));
    },
    states: () => [...followers].map((follower) => follower.state()),
    close() {
      clearInterval(timer);
      for (const follower of followers) follower.close();
      followers.clear();
    },
  };
}

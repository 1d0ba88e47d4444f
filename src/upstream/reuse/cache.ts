import { LRUCache } from 'lru-cache';
import type { BufferedResponse } from './buffered-response.ts';

/** An answer that is kept for those who ask the same later. */
export interface CacheEntry {
  readonly response: BufferedResponse;
  /** `performance.now()` when MAAS was asked for it, ms: what has changed since then is not in it. */
  readonly askedAt: number;
  /** How many clients are being given it. */
  readers: number;
}

/** What was found in memory. */
export interface CacheHit {
  readonly entry: CacheEntry;
  /** Whole seconds since MAAS was asked. */
  readonly age: number;
  /** Whole seconds for which it may still be given. */
  readonly ttl: number;
}

/** Answers to reads, by the question's text. A write empties it (src/upstream/lines.ts). */
export interface Cache {
  /**
   * @param epoch how many lines there are
   * @param maxAge seconds, if the client wants no answer that is older
   */
  find(key: string, epoch: number, maxAge: number): CacheHit | undefined;
  /**
   * Keeps an answer, unless a newer one is there.
   *
   * @param epoch how many lines there were when MAAS was asked
   */
  store(key: string, epoch: number, answer: BufferedResponse, askedAt: number): void;
}

/**
 * How many answers are kept at the most: as many as there would be if each had so many bytes, within limits. A small one takes
 * several times its bytes.
 */
const leastShare = 4_096;
const fewest = 100;
const most = 50_000;

/**
 * Begins with nothing.
 *
 * @param ttl for how long an answer may be given, ms
 * @param maxBytes how much all answers together may hold; those that were not asked for the longest go first
 * @param now ms, from any beginning
 */
export function createCache(ttl: number, maxBytes: number, now: () => number = () => performance.now()): Cache {
  const max = Math.min(Math.max(fewest, Math.ceil(maxBytes / leastShare)), most);
  const entries = new LRUCache<string, CacheEntry>({ max, maxSize: maxBytes, sizeCalculation: sizeOf });
  let contentsEpoch = 0;
  const emptyAt = (epoch: number): void => {
    if (contentsEpoch !== epoch) entries.clear();
    contentsEpoch = epoch;
  };
  return {
    find(key, epoch, maxAge) {
      emptyAt(epoch);
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const age = now() - entry.askedAt;
      if (age >= ttl) entries.delete(key);
      if (age >= ttl || age > maxAge * 1000) return undefined;
      return { entry, age: Math.floor(age / 1000), ttl: Math.floor((ttl - age) / 1000) };
    },
    store(key, epoch, answer, askedAt) {
      emptyAt(epoch);
      const before = entries.peek(key);
      if (before !== undefined && before.askedAt > askedAt) return;
      entries.set(key, { response: answer, askedAt, readers: 0 });
    },
  };
}

function sizeOf({ response: { body, fields } }: CacheEntry, key: string): number {
  return fields.reduce((sum, field) => sum + field.length, body.length + key.length);
}

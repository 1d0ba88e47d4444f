import { LRUCache } from 'lru-cache';
import type { BufferedResponse } from './buffered-response.ts';

/** A stored response. */
export interface CacheEntry {
  readonly response: BufferedResponse;
  /** `performance.now()` when the request to MAAS began, ms: later changes are not in the response. */
  readonly requestedAt: number;
  /** How many clients it is being sent to. */
  readers: number;
}

/** What was found in the cache. */
export interface CacheHit {
  readonly entry: CacheEntry;
  /** Whole seconds since the request to MAAS began. */
  readonly age: number;
  /** Whole seconds for which it may still be served. */
  readonly ttl: number;
}

/** Responses to reads, by cache key. A write empties the cache (see `WriteEpoch`). */
export interface Cache {
  /**
   * @param epoch the current write epoch
   * @param maxAge the oldest response that the client accepts, s
   */
  find(key: string, epoch: number, maxAge: number): CacheHit | undefined;
  /**
   * Stores a response, unless a newer one is there.
   *
   * @param epoch the write epoch when the request to MAAS began
   */
  store(key: string, epoch: number, response: BufferedResponse, requestedAt: number): void;
}

/**
 * The number of entries is bounded as if each had at least so many bytes: a small entry takes several times its bytes
 * of memory.
 */
const minBytesPerEntry = 4_096;
const minEntries = 100;
const maxEntries = 50_000;

/**
 * Creates an empty cache.
 *
 * @param ttl for how long an entry may be served, ms
 * @param maxBytes the bound of all entries together; the least recently used are evicted first
 * @param now ms, from any beginning
 */
export function createCache(ttl: number, maxBytes: number, now: () => number = () => performance.now()): Cache {
  const max = Math.min(Math.max(minEntries, Math.ceil(maxBytes / minBytesPerEntry)), maxEntries);
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
      const age = now() - entry.requestedAt;
      if (age >= ttl) entries.delete(key);
      if (age >= ttl || age > maxAge * 1000) return undefined;
      return { entry, age: Math.floor(age / 1000), ttl: Math.floor((ttl - age) / 1000) };
    },
    store(key, epoch, response, requestedAt) {
      emptyAt(epoch);
      const before = entries.peek(key);
      if (before !== undefined && before.requestedAt > requestedAt) return;
      entries.set(key, { response: response, requestedAt: requestedAt, readers: 0 });
    },
  };
}

function sizeOf({ response: { body, fields } }: CacheEntry, key: string): number {
  return fields.reduce((sum, field) => sum + field.length, body.length + key.length);
}

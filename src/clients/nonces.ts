import { createHash } from 'node:crypto';

/** How long a signature is valid, and so how long its nonce is stored, s: MAAS's own window. */
export const signatureWindow = 300;

/** How many nonces are stored at most: those of 667 signatures per second. */
const defaultLimit = 200_000;

/** How often expired nonces are removed, s. */
const sweepInterval = 60;

/** Stores used nonces. A store that several gateways share responds asynchronously. */
export interface Nonces {
  /**
   * Uses a nonce.
   *
   * @param id consumer, token and nonce
   * @param until when it expires, seconds since 1970
   * @param now seconds since 1970
   * @returns whether it had not been used before
   */
  use(id: string, until: number, now: number): boolean | Promise<boolean>;
}

/**
 * The used nonces of this process, about 20 MB when full. A Map and not lru-cache: the oldest nonce is dropped first,
 * not the least recently used, and lru-cache would take 11 MB more when full, or 6 MB when empty.
 *
 * @param limit how many are stored at most; beyond this bound the oldest are forgotten
 */
export function createNonces(limit: number = defaultLimit): Nonces {
  const remembered = new Map<string, number>();
  let sweepAt = 0;

  function evict(now: number): void {
    sweepAt = now + sweepInterval;
    for (const [id, end] of remembered) if (end < now) remembered.delete(id);
    if (remembered.size < limit) return;
    for (const id of [...remembered.keys()].slice(0, limit / 10)) remembered.delete(id);
  }

  return {
    use(id, until, now) {
      if (now >= sweepAt || remembered.size >= limit) evict(now);
      // A nonce may be long; its hash is short.
      const hash = createHash('sha256').update(id).digest().toString('latin1', 0, 16);
      const known = remembered.get(hash);
      if (known !== undefined && known >= now) return false;
      remembered.delete(hash);
      remembered.set(hash, until);
      return true;
    },
  };
}

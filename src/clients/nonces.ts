/** How long a signature may be used, and so how long its nonce is remembered, s: MAAS's own window. */
export const signatureWindow = 300;

/** How many nonces are remembered at the most; beyond that the oldest are forgotten first. */
const limit = 200_000;

/** Remembers which nonces have been used. */
export interface Nonces {
  /**
   * Uses a nonce.
   *
   * @param id consumer, token and nonce
   * @param until until when it is to be remembered, seconds since 1970
   * @param now seconds since 1970
   * @returns whether it had not been used before
   */
  use(id: string, until: number, now: number): boolean;
}

/** A memory of nonces in this process. */
export function createNonces(): Nonces {
  const remembered = new Map<string, number>();
  return {
    use(id, until, now) {
      const known = remembered.get(id);
      if (known !== undefined && known >= now) return false;
      remembered.delete(id);
      remembered.set(id, until);
      // The oldest stand first. Most of those are over; if none is, the memory is full.
      for (const [oldest, end] of remembered) {
        if (end >= now && remembered.size <= limit) break;
        remembered.delete(oldest);
      }
      return true;
    },
  };
}

/** A bound of memory that is divided fairly between clients. */
export interface FairRoom {
  /** Takes so many bytes for a client. @returns whether there was room for them */
  take(client: string, bytes: number): boolean;
  /** Gives them back. */
  give(client: string, bytes: number): void;
}

/**
 * Creates a bound that no client can use up for the others: a client may hold no more than it leaves free. A single client
 * may have half, two a third each, and the next client always finds some.
 *
 * @param size bytes
 */
export function createFairRoom(size: number): FairRoom {
  const heldBy = new Map<string, number>();
  let held = 0;
  return {
    take(client, bytes) {
      const own = (heldBy.get(client) ?? 0) + bytes;
      if (own > size - held - bytes) return false;
      heldBy.set(client, own);
      held += bytes;
      return true;
    },
    give(client, bytes) {
      held -= bytes;
      const own = (heldBy.get(client) ?? 0) - bytes;
      if (own > 0) heldBy.set(client, own);
      else heldBy.delete(client);
    },
  };
}

/** A memory budget that is divided fairly between clients. */
export interface FairBudget {
  /** Reserves bytes for a client. @returns whether they were available */
  acquire(client: string, bytes: number): boolean;
  /** Releases reserved bytes. */
  release(client: string, bytes: number): void;
}

/**
 * Creates a memory budget. No client can exhaust it for the others: a client may hold no more than it leaves free. A
 * single client can hold half of it, two clients a third each, and the next client always gets a part.
 *
 * @param size bytes
 */
export function createFairBudget(size: number): FairBudget {
  const heldBy = new Map<string, number>();
  let held = 0;
  return {
    acquire(client, bytes) {
      const own = (heldBy.get(client) ?? 0) + bytes;
      if (own > size - held - bytes) return false;
      heldBy.set(client, own);
      held += bytes;
      return true;
    },
    release(client, bytes) {
      held -= bytes;
      const own = (heldBy.get(client) ?? 0) - bytes;
      if (own > 0) heldBy.set(client, own);
      else heldBy.delete(client);
    },
  };
}

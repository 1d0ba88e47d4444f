/** Memory that clients share. */
export interface FairRoom {
  /** Takes so many bytes for a client. @returns whether there was room for them */
  take(client: string, bytes: number): boolean;
  /** Gives them back. */
  give(client: string, bytes: number): void;
}

/**
 * Makes room that nobody can fill for the others: a client may hold no more than it leaves free. So one alone may have half of it, two a
 * third each, and whoever comes next always finds some.
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

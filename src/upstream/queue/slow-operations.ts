/** From when on MAAS is slow to begin a response, ms. */
const slow = 5_000;

/** How many groups of operations are remembered as slow. */
const limit = 200;

/** Which operations have lately been slow on this MAAS: `nodes/` is, where there are thousands. */
export interface SlowOperations {
  isSlow(group: string): boolean;
  /** @param time how long MAAS took to begin its response, ms */
  note(group: string, time: number): void;
}

/** A memory of slow operations; an operation that was quick again is forgotten. */
export function createSlowOperations(): SlowOperations {
  const groups = new Set<string>();
  return {
    isSlow: (group) => groups.has(group),
    note(group, time) {
      if (time <= slow) groups.delete(group);
      else if (groups.size < limit) groups.add(group);
    },
  };
}

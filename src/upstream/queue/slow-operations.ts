/** A response that begins later than this is slow, ms. */
const slowAfterMs = 5_000;

/** How many groups of operations are remembered as slow. */
const maxGroups = 200;

/** Which operations have recently been slow at this MAAS: `nodes/` is, with thousands of them. */
export interface SlowOperations {
  isSlow(group: string): boolean;
  /** @param responseMs how long MAAS took to begin its response, ms */
  note(group: string, responseMs: number): void;
}

/** Remembers slow operations; an operation that was quick again is forgotten. */
export function createSlowOperations(): SlowOperations {
  const groups = new Set<string>();
  return {
    isSlow: (group) => groups.has(group),
    note(group, responseMs) {
      if (responseMs <= slowAfterMs) groups.delete(group);
      else if (groups.size < maxGroups) groups.add(group);
    },
  };
}

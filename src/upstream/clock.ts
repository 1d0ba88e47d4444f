/** MAAS's clock, as far as it is known. MAAS refuses timestamps that are more than 300 s old. */
export interface Clock {
  /** The time by MAAS's clock, whole seconds since 1970. */
  now(): number;
  /** By how many seconds MAAS's clock is ahead of this machine's; 0 until MAAS has refused a timestamp. */
  readonly offset: number;
  /**
   * Adopts MAAS's time.
   *
   * @param now the time by MAAS's clock, whole seconds since 1970
   */
  learn(now: number): void;
}

/** Findings that differ by at most so many seconds are taken as equal: a response takes time to arrive. */
const tolerance = 60;

/**
 * A clock that starts as this machine's.
 *
 * @param onLearnt called with the whole difference in seconds, whenever it has changed
 */
export function createClock(onLearnt: (offset: number) => void): Clock {
  let offset = 0;
  return {
    now: () => Math.floor(Date.now() / 1000) + offset,
    get offset() {
      return offset;
    },
    learn(now) {
      const found = now - Math.floor(Date.now() / 1000);
      // Requests that were in flight together are refused together, and only the first changes the offset.
      if (Math.abs(found - offset) <= tolerance) return;
      offset = found;
      onLearnt(offset);
    },
  };
}

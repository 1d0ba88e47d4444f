/**
 * Which reads may have one answer between them.
 *
 * A client that has seen the answer to a write, its own or another's, must never be shown MAAS as it was before. MAAS carries
 * a write out at some moment between its beginning and its answer, so every write draws three lines: when it begins, when its
 * answer begins (the first moment at which anybody can know that it was carried out), and when it ends. **A read joins another
 * only if no line lies between their beginnings**, and a line empties the memory. A line is for all clients, keys and paths:
 * one operation of MAAS's changes the answers of many.
 *
 * - While a write is under way, reads may join those that began after it did: whoever asks then may see MAAS before or
 *   after it. They join for the length of one read; memory lasts longer, so that nothing is put into it then.
 * - Of a write that broke off (time-out, reset, its client left) nobody knows whether MAAS still works on it. Its lines are
 *   drawn when it breaks off; and because it may yet be carried out, nothing is put into memory for as long as MAAS works on a request.
 * - What changes at MAAS without the proxy is seen after the length of one read, or after `--cache-ttl`.
 */
export interface WriteEpoch {
  /** How many lines there are. Reads that begin at the same number may have one answer. */
  readonly current: number;
  /** Whether no write is under way, so that an answer may be kept. */
  readonly hasNoWritesInFlight: boolean;
  onWriteStart(): void;
  onWriteResponse(): void;
  /** @param isSettled whether it is known that MAAS no longer works on the write */
  onWriteEnd(isSettled: boolean): void;
}

/** MAAS's own ceiling for one request, ms. */
const maasCeiling = 900_000;

/**
 * Begins with no line.
 *
 * @param now ms, from any beginning
 */
export function createWriteEpoch(now: () => number = () => performance.now()): WriteEpoch {
  let count = 0;
  let inFlight = 0;
  let unsettledUntil = 0;
  return {
    get current() {
      return count;
    },
    get hasNoWritesInFlight() {
      return inFlight === 0 && now() >= unsettledUntil;
    },
    onWriteStart() {
      count += 1;
      inFlight += 1;
    },
    onWriteResponse() {
      count += 1;
    },
    onWriteEnd(isSettled) {
      count += 1;
      inFlight -= 1;
      if (!isSettled) unsettledUntil = now() + maasCeiling;
    },
  };
}

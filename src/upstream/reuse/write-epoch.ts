/**
 * Which reads may share one response.
 *
 * A client that has seen the response to a write, its own or another client's, must never be shown MAAS as it was
 * before that write. MAAS carries a write out at some moment between the request and the response, so every write
 * advances the epoch three times: when it begins, when its response begins (the first moment at which anybody can know
 * that it was carried out), and when it ends. **Two reads share a request only if both began in the same epoch**, and a
 * new epoch empties the cache. The epoch is one for all clients, keys and paths: one operation of MAAS changes the
 * responses to many others.
 *
 * - While a write is in flight, reads may share a request that began after the write did: at that time a client may see
 *   MAAS before or after the write. A shared request lasts for one read only; the cache lasts longer, so nothing is
 *   stored while a write is in flight.
 * - When a write breaks off (time-out, reset, client disconnected), nobody knows whether MAAS still works on it. The
 *   epoch advances when the write breaks off. Because MAAS may still carry the write out, nothing is stored for as long
 *   as MAAS may work on a request.
 * - A change that is made at MAAS without the proxy is seen after one read, or after `--cache-ttl`.
 */
export interface WriteEpoch {
  /** The current epoch. Reads that begin in the same epoch may share one response. */
  readonly current: number;
  /** Whether no write is in flight, so that a response may be stored. */
  readonly hasNoWritesInFlight: boolean;
  onWriteStart(): void;
  onWriteResponse(): void;
  /** @param isSettled whether it is known that MAAS no longer works on the write */
  onWriteEnd(isSettled: boolean): void;
}

/** MAAS's own ceiling for one request, ms. */
const maasCeiling = 900_000;

/**
 * Creates the write epoch of one upstream, at 0.
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

/** The limits of one client, or of all clients together. */
export interface Share {
  /** The name of the share: a client, an address, or all clients. */
  readonly of: string;
  /** Requests per minute; 0 for no limit. */
  readonly perMinute: number;
  /** Concurrent requests; 0 for no limit. */
  readonly atOnce: number;
}

/** The limit that is reached, and the ms until a request is admitted again; `undefined` if that is not known. */
export interface Refusal {
  readonly share: Share;
  readonly limit: 'perMinute' | 'atOnce';
  readonly wait: number | undefined;
}

/** An admitted request. */
export interface Admission {
  /** The request has ended. Must be called exactly once. */
  end(): void;
}

/** Admits a request if it is within all its shares. */
export interface Limiter {
  /** A request that is refused does not count. */
  admit(shares: readonly Share[]): Admission | Refusal | Promise<Admission | Refusal>;
}

/** Whether a request was refused. */
export function isRefusal(outcome: Admission | Refusal): outcome is Refusal {
  return 'limit' in outcome;
}

export const minute = 60_000;

/**
 * Counts requests per minute. For each share it stores the time until which the share is used up (the "theoretical
 * arrival time" of the generic cell rate algorithm, ITU-T I.371). A client that sent nothing for a minute may send a
 * minute's requests in one burst, then one request per interval.
 *
 * @param usedUntil ms; for an unused share any time in the past
 * @param now ms
 * @returns ms to wait; 0 if a request is admitted
 */
export function waitFor(perMinute: number, usedUntil: number, now: number): number {
  const wait = usedUntil - now - (minute - minute / perMinute);
  // A rounding error of the division is not a wait.
  return wait > 0.01 ? wait : 0;
}

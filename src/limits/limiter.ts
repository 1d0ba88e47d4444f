/** The limits of one client, or of all together. */
export interface Share {
  /** The name of the share: a client, an address, or all. */
  readonly of: string;
  /** Requests a minute; 0 for any number. */
  readonly perMinute: number;
  /** Concurrent requests; 0 for any number. */
  readonly atOnce: number;
}

/** The limit that is reached, and after how many ms a request fits again; `undefined` where that is not known. */
export interface Refusal {
  readonly share: Share;
  readonly limit: 'perMinute' | 'atOnce';
  readonly wait: number | undefined;
}

/** An admitted request. */
export interface Admission {
  /** The request is over. To be called once. */
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
 * Counts requests a minute: for each share the time until which it is used up ("theoretical arrival time" of the generic
 * cell rate algorithm, ITU-T I.371). A client that sent nothing for a minute may send a whole minute's requests in one
 * burst, then one each time that its part of the minute has passed.
 *
 * @param usedUntil ms; for an unused share any time in the past
 * @param now ms
 * @returns ms to wait; 0 where a request fits
 */
export function waitFor(perMinute: number, usedUntil: number, now: number): number {
  const wait = usedUntil - now - (minute - minute / perMinute);
  // What is left of dividing a minute is no wait.
  return wait > 0.01 ? wait : 0;
}

/** What one client, or all together, may ask for. */
export interface Share {
  /** Whose it is. */
  readonly of: string;
  /** Requests a minute; 0 for any number. */
  readonly perMinute: number;
  /** Requests at once; 0 for any number. */
  readonly atOnce: number;
}

/** The share that is used up, and in how many ms there is something of it again; `undefined` where nobody can tell. */
export interface Refusal {
  readonly share: Share;
  readonly limit: 'perMinute' | 'atOnce';
  readonly wait: number | undefined;
}

/** A request that was let in. */
export interface Admission {
  /** The request is over. To be called once. */
  end(): void;
}

/** Lets requests in as long as all their shares last. */
export interface Limiter {
  /** A request that is refused costs nothing of any share. */
  admit(shares: readonly Share[]): Admission | Refusal | Promise<Admission | Refusal>;
}

/** Whether a request was refused. */
export function isRefusal(outcome: Admission | Refusal): outcome is Refusal {
  return 'limit' in outcome;
}

export const minute = 60_000;

/**
 * The bookkeeping of requests a minute: of each share the time until which it is used up ("theoretical arrival time" of the
 * generic cell rate algorithm, ITU-T I.371). Whoever was silent for a minute may send a whole minute's requests at once,
 * then one each time that its part of the minute has passed.
 *
 * @param usedUntil ms; of a share that was never used anything in the past
 * @param now ms
 * @returns ms to wait; 0 where there is something of the share
 */
export function waitFor(perMinute: number, usedUntil: number, now: number): number {
  const wait = usedUntil - now - (minute - minute / perMinute);
  // What is left of dividing a minute is no wait.
  return wait > 0.01 ? wait : 0;
}

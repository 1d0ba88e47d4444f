import { minute, waitFor, type Admission, type Limiter, type Refusal, type Share } from './limiter.ts';

/** How many clients are counted; beyond this bound the oldest are forgotten. */
const maxClients = 50_000;

/**
 * A limiter for this process alone. @fastify/rate-limit and rate-limiter-flexible were looked at and not taken: they
 * count in fixed windows, so that twice the limit passes around the end of a window, and neither limits concurrent
 * requests.
 */
export function createLocalLimiter(clock = (): number => performance.now()): Limiter {
  /** The time until which a share is used up, ms. */
  const used = new Map<string, number>();
  const inFlight = new Map<string, number>();

  function check(share: Share, now: number): Refusal | undefined {
    const { of, perMinute, atOnce } = share;
    if (atOnce > 0 && (inFlight.get(of) ?? 0) >= atOnce) return { share, limit: 'atOnce', wait: undefined };
    if (perMinute === 0) return undefined;
    const wait = waitFor(perMinute, used.get(of) ?? now, now);
    return wait > 0 ? { share, limit: 'perMinute', wait } : undefined;
  }

  function take({ of, perMinute, atOnce }: Share, now: number): void {
    if (atOnce > 0) inFlight.set(of, (inFlight.get(of) ?? 0) + 1);
    if (perMinute === 0) return;
    if (used.size >= maxClients && !used.has(of)) evict(now);
    used.set(of, Math.max(used.get(of) ?? now, now) + minute / perMinute);
  }

  function evict(now: number): void {
    for (const [of, until] of used) if (until <= now) used.delete(of);
    if (used.size < maxClients) return;
    for (const of of [...used.keys()].slice(0, maxClients / 10)) used.delete(of);
  }

  function giveBack({ of, atOnce }: Share): void {
    if (atOnce === 0) return;
    const left = (inFlight.get(of) ?? 0) - 1;
    if (left > 0) inFlight.set(of, left);
    else inFlight.delete(of);
  }

  return {
    admit(shares): Admission | Refusal {
      const now = clock();
      for (const share of shares) {
        const refusal = check(share, now);
        if (refusal !== undefined) return refusal;
      }
      for (const share of shares) take(share, now);
      return { end: () => shares.forEach(giveBack) };
    },
  };
}

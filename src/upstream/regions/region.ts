import type { MaasAddress } from '../../maas/maas-address.ts';
import type { Problem } from '../../problem.ts';
import type { OwnResponse } from '../own-requests/own-request.ts';
import { toProblem } from '../errors.ts';
import { isRegionDown, regionDown } from './region-down.ts';

/** One region controller of several, and whether it is spared for a while. */
export interface Region {
  readonly maas: MaasAddress;
  /** Why it rests; `undefined` while it is well. */
  readonly lastError: Problem | undefined;
  /** When it last answered a request, ms since 1970. */
  readonly lastResponseAt: number | undefined;
  /** It has answered a request; one that was sent to it while it rested ends the rest. */
  onResponse(sentWhileResting: boolean): void;
  /** It cannot be reached, or says that it is down: it rests. */
  eject(problem: Problem): void;
  /** Something went wrong that may be no more than an accident: it is asked, and rests if it does not answer. */
  probe(): Promise<void>;
  /**
   * A read waits for its response. If that takes long, the region is asked whether it is there.
   *
   * @param giveUp called when nobody is there any more: a machine that loses its power closes no connection
   * @returns says that the wait is over
   */
  onWaiting(giveUp: () => void): () => void;
  /** Ends the rest without a word. */
  close(): void;
}

/**
 * How long a region rests, ms: until the proxy's own question is answered, which is asked after the first span, then each time
 * after twice the time. No client's request is the one to try it.
 */
const backoffMs = { shortest: 1_000, longest: 15_000 };

/** How long a read may wait before the region is asked, ms. */
const probeAfterMs = 10_000;

/** Nothing is there. Not a question without a response: a region may be busy, and reads that go on to the next would make that so, too. */
const unreachable = /^(?:maas-connect-timeout|maas-unroutable)$/;

/**
 * Keeps an eye on one region.
 *
 * @param ask asks it something small, unsigned
 * @param onChange called when it begins to rest, with why, and when it is back
 */
export function createRegion(
  maas: MaasAddress,
  ask: () => Promise<OwnResponse>,
  onChange: (lastError: Problem | undefined) => void,
): Region {
  let lastError: Problem | undefined;
  let lastResponseAt: number | undefined;
  let backoff = backoffMs.shortest;
  let healthySince = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let probing: Promise<void> | undefined;
  let isClosed = false;
  const waits = new Set<() => void>();

  function eject(problem: Problem): void {
    if (lastError !== undefined || isClosed) return;
    // One that comes and goes is spared for longer each time, so that neither requests nor the log flutter with it.
    backoff =
      performance.now() - healthySince > backoffMs.longest
        ? backoffMs.shortest
        : Math.min(backoff * 2, backoffMs.longest);
    stayEjected(problem);
    onChange(lastError);
  }

  function readmit(): void {
    if (lastError === undefined || isClosed) return;
    clearTimeout(timer);
    lastError = undefined;
    healthySince = performance.now();
    onChange(undefined);
  }

  function stayEjected(problem: Problem): void {
    lastError = problem;
    clearTimeout(timer);
    timer = setTimeout(() => void probe(), backoff).unref();
    if (unreachable.test(problem.code)) for (const giveUp of waits) giveUp();
  }

  function probe(): Promise<void> {
    probing ??= probeNow().finally(() => {
      probing = undefined;
    });
    return probing;
  }

  async function probeNow(): Promise<void> {
    const problem = await findError(ask);
    if (isClosed) return;
    if (problem === undefined) {
      lastResponseAt = Date.now();
      readmit();
    } else if (lastError === undefined) {
      eject(problem);
    } else {
      backoff = Math.min(backoff * 2, backoffMs.longest);
      stayEjected(problem);
    }
  }

  return {
    maas,
    get lastError() {
      return lastError;
    },
    get lastResponseAt() {
      return lastResponseAt;
    },
    onResponse(sentWhileResting) {
      lastResponseAt = Date.now();
      if (sentWhileResting) readmit();
    },
    eject,
    probe,
    onWaiting(giveUp) {
      const clock = setTimeout(() => void probe(), probeAfterMs).unref();
      waits.add(giveUp);
      return () => {
        clearTimeout(clock);
        waits.delete(giveUp);
      };
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

async function findError(ask: () => Promise<OwnResponse>): Promise<Problem | undefined> {
  try {
    const { status, headers } = await ask();
    return isRegionDown(status, (name) => headers[name]) ? regionDown(status) : undefined;
  } catch (error) {
    return toProblem(error);
  }
}

import type { MaasAddress } from '../../maas/maas-address.ts';
import type { Problem } from '../../problem.ts';
import type { OwnResponse } from '../own-requests/own-request.ts';
import { toProblem } from '../errors.ts';
import { isRegionDown, regionDown } from './region-down.ts';

/** One region controller of several, and whether it is ejected. */
export interface Region {
  readonly maas: MaasAddress;
  /** Why it is ejected; `undefined` while it is healthy. */
  readonly lastError: Problem | undefined;
  /** When it last responded, ms since 1970. */
  readonly lastResponseAt: number | undefined;
  /** It has responded; a response to a request that was sent while it was ejected readmits it. */
  onResponse(sentWhileEjected: boolean): void;
  /** It cannot be reached, or says that it is down: requests avoid it until a probe succeeds. */
  eject(problem: Problem): void;
  /** Checks whether it responds, after an error that may be an accident; ejects it if not. */
  probe(): Promise<void>;
  /**
   * A read waits for its response. If that takes long, the region is probed.
   *
   * @param giveUp called when the region is unreachable: a machine that loses its power closes no connection
   * @returns ends the wait
   */
  onWaiting(giveUp: () => void): () => void;
  /** Stops the probes. */
  close(): void;
}

/**
 * The backoff of an ejected region, ms: it is probed after the shortest time, then each time after twice the time,
 * until a probe succeeds. Clients' requests are not used as probes.
 */
const backoffMs = { shortest: 1_000, longest: 15_000 };

/** How long a read may wait before the region is probed, ms. */
const probeAfterMs = 10_000;

/**
 * Unreachable. Not a probe without a response: the region may be busy, and its reads would make the next region busy
 * too.
 */
const unreachable = /^(?:maas-connect-timeout|maas-unroutable)$/;

/**
 * Tracks the health of one region.
 *
 * @param sendProbe sends it a small, unsigned request
 * @param onChange called when it is ejected, with the reason, and when it is back
 */
export function createRegion(
  maas: MaasAddress,
  sendProbe: () => Promise<OwnResponse>,
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
    // The backoff of a region that comes and goes grows each time, for steady requests and a short log.
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
    const problem = await findError(sendProbe);
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
    onResponse(sentWhileEjected) {
      lastResponseAt = Date.now();
      if (sentWhileEjected) readmit();
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

async function findError(sendProbe: () => Promise<OwnResponse>): Promise<Problem | undefined> {
  try {
    const { status, headers } = await sendProbe();
    return isRegionDown(status, (name) => headers[name]) ? regionDown(status) : undefined;
  } catch (error) {
    return toProblem(error);
  }
}

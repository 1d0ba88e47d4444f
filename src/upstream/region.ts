import type { MaasAddress } from '../maas/maas-address.ts';
import type { Problem } from '../problem.ts';
import type { Answer } from './ask.ts';
import { toProblem } from './failure.ts';
import { isRegionDown, regionDown } from './region-down.ts';

/** One region controller of several, and whether it is spared for a while. */
export interface Region {
  readonly maas: MaasAddress;
  /** Why it rests; `undefined` while it is well. */
  readonly trouble: Problem | undefined;
  /** When it last answered a request, ms since 1970. */
  readonly lastAnswerAt: number | undefined;
  /** It has answered a request; one that was sent to it while it rested ends the rest. */
  answered(sentWhileResting: boolean): void;
  /** It cannot be reached, or says that it is down: it rests. */
  failed(problem: Problem): void;
  /** Something went wrong that may be no more than an accident: it is asked, and rests if it does not answer. */
  look(): Promise<void>;
  /**
   * A read waits for its answer. If that takes long, the region is asked whether it is there.
   *
   * @param giveUp called when nobody is there any more: a machine that loses its power closes no connection
   * @returns says that the wait is over
   */
  awaited(giveUp: () => void): () => void;
  /** Ends the rest without a word. */
  close(): void;
}

/**
 * How long a region rests, ms: until the proxy's own question is answered, which is asked after the first span, then each time
 * after twice the time. No client's request is the one to try it.
 */
const rests = { shortest: 1_000, longest: 15_000 };

/** How long a read may wait before the region is asked, ms. */
const longWait = 10_000;

/** Nothing is there. Not a question without an answer: a region may be busy, and reads that go on to the next would make that so, too. */
const unreachable = /^(?:maas-connect-timeout|maas-unroutable)$/;

/**
 * Keeps an eye on one region.
 *
 * @param ask asks it something small, unsigned
 * @param onChange called when it begins to rest, with why, and when it is back
 */
export function createRegion(
  maas: MaasAddress,
  ask: () => Promise<Answer>,
  onChange: (trouble: Problem | undefined) => void,
): Region {
  let trouble: Problem | undefined;
  let lastAnswerAt: number | undefined;
  let span = rests.shortest;
  let wellSince = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let isClosed = false;
  const waits = new Set<() => void>();

  function rest(problem: Problem): void {
    if (trouble !== undefined || isClosed) return;
    // One that comes and goes is spared for longer each time, so that neither requests nor the log flutter with it.
    span = performance.now() - wellSince > rests.longest ? rests.shortest : Math.min(span * 2, rests.longest);
    stillAway(problem);
    onChange(trouble);
  }

  function wake(): void {
    if (trouble === undefined || isClosed) return;
    clearTimeout(timer);
    trouble = undefined;
    wellSince = performance.now();
    onChange(undefined);
  }

  function stillAway(problem: Problem): void {
    trouble = problem;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), span).unref();
    if (unreachable.test(problem.code)) for (const giveUp of waits) giveUp();
  }

  function look(): Promise<void> {
    looking ??= lookNow().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function lookNow(): Promise<void> {
    const problem = await whatIsWrong(ask);
    if (isClosed) return;
    if (problem === undefined) {
      lastAnswerAt = Date.now();
      wake();
    } else if (trouble === undefined) {
      rest(problem);
    } else {
      span = Math.min(span * 2, rests.longest);
      stillAway(problem);
    }
  }

  return {
    maas,
    get trouble() {
      return trouble;
    },
    get lastAnswerAt() {
      return lastAnswerAt;
    },
    answered(sentWhileResting) {
      lastAnswerAt = Date.now();
      if (sentWhileResting) wake();
    },
    failed: rest,
    look,
    awaited(giveUp) {
      const clock = setTimeout(() => void look(), longWait).unref();
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

async function whatIsWrong(ask: () => Promise<Answer>): Promise<Problem | undefined> {
  try {
    const { status, headers } = await ask();
    return isRegionDown(status, (name) => headers[name]) ? regionDown(status) : undefined;
  } catch (error) {
    return toProblem(error);
  }
}

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
  /** Ends the rest without a word. */
  close(): void;
}

/**
 * How long a region rests, ms: until the proxy's own question is answered, which is asked after the first span, then each time
 * after twice the time. No client's request is the one to try it.
 */
const rests = { shortest: 1_000, longest: 15_000 };

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

  function rest(problem: Problem): void {
    if (trouble !== undefined || isClosed) return;
    // One that comes and goes is spared for longer each time, so that neither requests nor the log flutter with it.
    span = performance.now() - wellSince > rests.longest ? rests.shortest : Math.min(span * 2, rests.longest);
    trouble = problem;
    lookLater();
    onChange(trouble);
  }

  function wake(): void {
    if (trouble === undefined || isClosed) return;
    clearTimeout(timer);
    trouble = undefined;
    wellSince = performance.now();
    onChange(undefined);
  }

  function lookLater(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), span).unref();
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
      lookLater();
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

import { Problem } from '../problem.ts';
import { identify } from '../upstream/own-requests/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Readiness } from './admin.ts';

/** For how long what was found holds, ms. */
const fresh = 5_000;

/** The result of the last probe of MAAS. */
interface Finding {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly keyAccepted: boolean | null;
}

const well: Finding = { ready: true, reasons: [], keyAccepted: true };

/**
 * Says whether MAAS answers and takes the key. While it answers clients it is not asked; else at most once in 5 s, however
 * often this is asked itself. Of several regions one that answers is enough.
 *
 * @param draining whether the proxy is stopping
 */
export function createReadiness(upstream: Upstream, draining: () => boolean): () => Promise<Readiness> {
  let asked = -Infinity;
  let last: Promise<Finding> | undefined;

  async function find(): Promise<Finding> {
    const now = performance.now();
    if (now - upstream.health.healthyAt <= fresh) return well;
    if (last === undefined || now - asked > fresh) {
      asked = now;
      last = askMaas(upstream);
      // One that hangs must not hold up the response: what is found now, the next response says.
      void upstream.probeRegions();
    }
    return last;
  }

  return async () => {
    if (draining()) return { ready: false, reasons: ['The proxy is stopping.'], ...describeLastAnswer(upstream) };
    return { ...(await find()), ...describeLastAnswer(upstream), ...describeRegions(upstream) };
  };
}

function describeLastAnswer({ health: { lastResponseAt } }: Upstream): Pick<Readiness, 'lastAnswer' | 'age'> {
  if (lastResponseAt === undefined) return { lastAnswer: null, age: null };
  return { lastAnswer: isoTime(lastResponseAt), age: Math.max(0, Date.now() - lastResponseAt) / 1000 };
}

function describeRegions(upstream: Upstream): Pick<Readiness, 'regions'> {
  const states = upstream.regions();
  if (states.length === 0) return {};
  return {
    regions: states.map(({ href, lastError, lastResponseAt }) => ({
      region: href,
      answers: lastError === undefined,
      lastAnswer: lastResponseAt === undefined ? null : isoTime(lastResponseAt),
      reason: lastError?.message,
    })),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

async function askMaas(upstream: Upstream): Promise<Finding> {
  try {
    const { user } = await identify(upstream);
    return 'refused' in user ? { ready: false, reasons: [user.refused], keyAccepted: false } : well;
  } catch (error) {
    const reason = error instanceof Problem ? error.message : 'MAAS could not be asked.';
    return { ready: false, reasons: [reason], keyAccepted: null };
  }
}

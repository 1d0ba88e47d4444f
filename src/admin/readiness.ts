import { Problem } from '../problem.ts';
import { identify } from '../upstream/own-requests/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Readiness } from './admin.ts';

/** How long a finding is reused, ms. */
const fresh = 5_000;

/** The result of the last probe of MAAS. */
interface Finding {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly keyAccepted: boolean | null;
}

const healthy: Finding = { ready: true, reasons: [], keyAccepted: true };

/**
 * Says whether MAAS responds and accepts the key. While clients get responses from MAAS, no probe is sent; otherwise at
 * most one in 5 s, however often this is called. Of several regions, one that responds is enough.
 *
 * @param draining whether the proxy is stopping
 */
export function createReadiness(upstream: Upstream, draining: () => boolean): () => Promise<Readiness> {
  let probedAt = -Infinity;
  let last: Promise<Finding> | undefined;

  async function find(): Promise<Finding> {
    const now = performance.now();
    if (now - upstream.health.healthyAt <= fresh) return healthy;
    if (last === undefined || now - probedAt > fresh) {
      probedAt = now;
      last = probeMaas(upstream);
      // A region that hangs must not delay this response: the next one reports what the probe finds.
      void upstream.probeRegions();
    }
    return last;
  }

  return async () => {
    if (draining()) return { ready: false, reasons: ['The proxy is stopping.'], ...describeLastResponse(upstream) };
    return { ...(await find()), ...describeLastResponse(upstream), ...describeRegions(upstream) };
  };
}

function describeLastResponse({ health: { lastResponseAt } }: Upstream): Pick<Readiness, 'lastAnswer' | 'age'> {
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

async function probeMaas(upstream: Upstream): Promise<Finding> {
  try {
    const { user } = await identify(upstream);
    return 'refused' in user ? { ready: false, reasons: [user.refused], keyAccepted: false } : healthy;
  } catch (error) {
    const reason = error instanceof Problem ? error.message : 'MAAS could not be asked.';
    return { ready: false, reasons: [reason], keyAccepted: null };
  }
}

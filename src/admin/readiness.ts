import { Problem } from '../problem.ts';
import { identify } from '../upstream/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Readiness } from './admin.ts';

const fresh = 5_000;

/**
 * Asks MAAS whether it answers and takes the key, at most once in 5 s, however often it is asked itself. Of several regions one
 * that answers is enough.
 *
 * @param draining whether the proxy is stopping
 */
export function createReadiness(upstream: Upstream, draining: () => boolean): () => Promise<Readiness> {
  let asked = -Infinity;
  let last: Promise<Readiness> | undefined;
  return async () => {
    if (draining()) return { ready: false, reasons: ['The proxy is stopping.'] };
    if (last === undefined || performance.now() - asked > fresh) {
      asked = performance.now();
      last = askMaas(upstream);
      // One that hangs must not hold up the answer: what is found now, the next answer tells.
      void upstream.lookAtRegions();
    }
    return { ...(await last), ...describeRegions(upstream) };
  };
}

function describeRegions(upstream: Upstream): Pick<Readiness, 'regions'> {
  const states = upstream.regions();
  if (states.length === 0) return {};
  return {
    regions: states.map(({ href, trouble }) => ({
      region: href,
      answers: trouble === undefined,
      reason: trouble?.message,
    })),
  };
}

async function askMaas(upstream: Upstream): Promise<Readiness> {
  try {
    const { user } = await identify(upstream);
    return 'refused' in user ? { ready: false, reasons: [user.refused] } : { ready: true, reasons: [] };
  } catch (error) {
    return { ready: false, reasons: [error instanceof Problem ? error.message : 'MAAS could not be asked.'] };
  }
}

import { toUndici } from '../upstream/connection/dispatch.ts';
import type { Draft } from '../config/configuration.ts';
import type { ApiKey } from '../maas/api-key.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import { sendOwnRequest } from '../upstream/own-requests/own-request.ts';
import { createPool } from '../upstream/connection/pool.ts';
import { checkClock, checkHttp, checkIsMaas, type SendUnsigned } from './version-response.ts';
import { after, type Finding, type Step } from './finding.ts';
import { about, checkAddress, checkKeyFormat, checkPolicy } from './configured.ts';
import { checkIdentity, checkKey } from './key.ts';
import { checkClearText, openConnection, stepTimeoutMs, resolveName, type Located } from './network.ts';
import { servedSteps } from './served.ts';
import { checkTls } from './tls.ts';

/** Reports the result of a step, and returns the step. */
type RunStep = <Found>(name: string, finding: Finding<Found> | Promise<Finding<Found>>) => Promise<Step<Found>>;

/**
 * Checks everything between this machine and MAAS, in the order in which a request needs it; with several regions, one
 * after the other; then everything else that the proxy reads and opens when it starts. Only one step sends the key,
 * after all steps before it have shown that the receiver is MAAS.
 *
 * @param report called for each step as soon as it has ended
 * @param what `MAAS alone` leaves out what the proxy itself reads and opens
 */
export async function runChecks(
  draft: Draft,
  report: (step: Step) => void,
  what: 'all' | 'MAAS alone' = 'all',
): Promise<Step[]> {
  const steps: Step[] = [];
  const { regions = [undefined] } = draft;
  const stepsFor =
    (region?: MaasAddress): RunStep =>
    async (name, finding) => {
      const step = { step: name, ...(region !== undefined && { region: region.href }), ...(await finding) };
      steps.push(step);
      report(step);
      return step;
    };
  const key = await stepsFor()('key format', checkKeyFormat(draft));
  if (what === 'all' && draft.files.policy !== undefined) await stepsFor()('policy', checkPolicy(draft));
  for (const region of regions) {
    await checkRegion(region, key, draft, stepsFor(regions.length > 1 ? region : undefined));
  }
  if (what === 'MAAS alone') return steps;
  const runStep = stepsFor();
  for (const [name, check] of servedSteps(draft)) await runStep(name, check());
  return steps;
}

async function checkRegion(
  region: MaasAddress | undefined,
  key: Step<ApiKey>,
  draft: Draft,
  runStep: RunStep,
): Promise<void> {
  const { ca, mistakes } = draft;
  const { insecure } = draft.values;
  const trust = { ca, caMistake: about(mistakes, 'ca'), insecure };

  const address = await runStep('address', checkAddress(region, draft));
  const dns = await runStep('DNS', after(address, resolveName));
  const tcp = await runStep('TCP', after(dns, openConnection));
  const tls = await runStep(
    'TLS',
    after(tcp, (located) => checkTls(located, trust)),
  );

  await withAnonymous(tls, trust, async (anonymous) => {
    const http = await runStep(
      'HTTP',
      after(tls, ({ maas }) => checkHttp(maas, anonymous)),
    );
    const isMaas = await runStep(
      'MAAS',
      both(tls, http, ({ maas }, timed) => checkIsMaas(maas, timed, anonymous)),
    );
    await runStep(
      'version',
      after(isMaas, ({ version }) => ({ status: 'ok', detail: version })),
    );
    await runStep('clock', after(isMaas, checkClock));
    const taken = await runStep(
      'API key',
      after(isMaas, () => both(tls, key, ({ maas }, found) => checkKey(maas, { key: found, ca, insecure }))),
    );
    await runStep('identity', after(taken, checkIdentity));
    await runStep('clear text', after(dns, checkClearText));
  });
}

/** Runs a step that needs two others. */
function both<First, Second, Next>(
  first: Step<First>,
  second: Step<Second>,
  next: (first: First, second: Second) => Finding<Next> | Promise<Finding<Next>>,
): Promise<Finding<Next>> {
  return after(first, (one) => after(second, (two) => next(one, two)));
}

/** Connections for unsigned requests only, verified like the proxy's own. */
async function withAnonymous(
  { found }: Step<Located>,
  { ca, insecure }: { ca: string | undefined; insecure: boolean },
  use: (anonymous: SendUnsigned) => Promise<void>,
): Promise<void> {
  if (found === undefined) return use(() => Promise.reject(new Error('no connection to MAAS')));
  const pool = createPool({ maas: found.maas, ca, insecure, timeout: stepTimeoutMs });
  try {
    const dispatch = toUndici((options, handler) => pool.dispatch(options, handler));
    await use((maas, path) => sendOwnRequest(dispatch, maas, path));
  } finally {
    await pool.destroy();
  }
}

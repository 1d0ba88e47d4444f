import { toUndici } from '../upstream/connection/dispatch.ts';
import type { Draft } from '../config/configuration.ts';
import type { ApiKey } from '../maas/api-key.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import { sendOwnRequest } from '../upstream/own-requests/own-request.ts';
import { createPool } from '../upstream/connection/pool.ts';
import { checkClock, checkHttp, checkIsMaas, type SendUnsigned } from './version-response.ts';
import { after, type Finding, type Step } from './finding.ts';
import { about, checkAddress, checkKeyFormat, checkPolicy } from './given.ts';
import { checkIdentity, checkKey } from './key.ts';
import { checkClearText, openConnection, stepTimeoutMs, resolveName, type Located } from './network.ts';
import { servedSteps } from './served.ts';
import { checkTls } from './tls.ts';

/** Takes note of a step's end, and hands the step on. */
type Tell = <Found>(name: string, finding: Finding<Found> | Promise<Finding<Found>>) => Promise<Step<Found>>;

/**
 * Looks at everything between this machine and MAAS, in the order in which a request would need it; where MAAS has several regions,
 * at one after the other; then at what else the proxy would read and open when it starts. The key leaves this machine in one step alone, when all before it has shown that it is MAAS who gets it.
 *
 * @param report told of each step as soon as it has ended
 */
export async function runChecks(draft: Draft, report: (step: Step) => void): Promise<Step[]> {
  const steps: Step[] = [];
  const { regions = [undefined] } = draft;
  const tellAbout =
    (region?: MaasAddress): Tell =>
    async (name, finding) => {
      const step = { step: name, ...(region !== undefined && { region: region.href }), ...(await finding) };
      steps.push(step);
      report(step);
      return step;
    };
  const key = await tellAbout()('key format', checkKeyFormat(draft));
  if (draft.files.policy !== undefined) await tellAbout()('policy', checkPolicy(draft));
  for (const region of regions) {
    await checkRegion(region, key, draft, tellAbout(regions.length > 1 ? region : undefined));
  }
  const tell = tellAbout();
  for (const [name, look] of servedSteps(draft)) await tell(name, look());
  return steps;
}

async function checkRegion(
  region: MaasAddress | undefined,
  key: Step<ApiKey>,
  draft: Draft,
  tell: Tell,
): Promise<void> {
  const { ca, mistakes } = draft;
  const { insecure } = draft.values;
  const trust = { ca, caMistake: about(mistakes, 'ca'), insecure };

  const address = await tell('address', checkAddress(region, draft));
  const dns = await tell('DNS', after(address, resolveName));
  const tcp = await tell('TCP', after(dns, openConnection));
  const tls = await tell(
    'TLS',
    after(tcp, (located) => checkTls(located, trust)),
  );

  await withAnonymous(tls, trust, async (anonymous) => {
    const http = await tell(
      'HTTP',
      after(tls, ({ maas }) => checkHttp(maas, anonymous)),
    );
    const isMaas = await tell(
      'MAAS',
      both(tls, http, ({ maas }, timed) => checkIsMaas(maas, timed, anonymous)),
    );
    await tell(
      'version',
      after(isMaas, ({ version }) => ({ status: 'ok', detail: version })),
    );
    await tell('clock', after(isMaas, checkClock));
    const taken = await tell(
      'API key',
      after(isMaas, () => both(tls, key, ({ maas }, found) => checkKey(maas, { key: found, ca, insecure }))),
    );
    await tell('identity', after(taken, checkIdentity));
    await tell('clear text', after(dns, checkClearText));
  });
}

/** After two steps. */
function both<First, Second, Next>(
  first: Step<First>,
  second: Step<Second>,
  next: (first: First, second: Second) => Finding<Next> | Promise<Finding<Next>>,
): Promise<Finding<Next>> {
  return after(first, (one) => after(second, (two) => next(one, two)));
}

/** Connections on which nothing is ever signed, verified like the proxy's own. */
async function withAnonymous(
  { found }: Step<Located>,
  { ca, insecure }: { ca: string | undefined; insecure: boolean },
  use: (anonymous: SendUnsigned) => Promise<void>,
): Promise<void> {
  if (found === undefined) return use(() => Promise.reject(new Error('asked without a way to MAAS')));
  const pool = createPool({ maas: found.maas, ca, insecure, timeout: stepTimeoutMs });
  try {
    const dispatch = toUndici((options, handler) => pool.dispatch(options, handler));
    await use((maas, path) => sendOwnRequest(dispatch, maas, path));
  } finally {
    await pool.destroy();
  }
}

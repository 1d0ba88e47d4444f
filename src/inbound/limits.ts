import type { ClientLimits } from '../clients/client.ts';
import type { Exchange } from '../exchange.ts';
import type { ClientIdentity } from '../clients/identity.ts';
import { isRefusal, type Admission, type Limiter, type Refusal, type Share } from '../limits/limiter.ts';
import { Problem } from '../problem.ts';
import { fairnessKey } from '../limits/fairness-key.ts';

/** The limits of requests; 0 for no limit. */
export interface Limits {
  /** Of all clients together. */
  readonly all: Required<ClientLimits>;
  /** Of each client, unless the clients file sets other limits for it. */
  readonly each: Required<ClientLimits>;
}

/**
 * Takes a request for its client's share, or refuses it.
 *
 * @param holdsSlot `false` for a stream that stays open for hours: it counts as a
 *   request, but not as a concurrent one: an open page would block a client with a limit of one concurrent request
 * @throws {Problem} `limit-reached`
 */
export type Admit = (exchange: Exchange, identity: ClientIdentity, holdsSlot?: boolean) => void | Promise<void>;

/**
 * `Retry-After` when a limit of concurrent requests is reached, s: nobody knows when one ends. MAAS itself says the
 * same.
 */
const pause = 5;

/**
 * Step 5: is this client within its share, and are all clients together? A refused request does not count.
 *
 * @param limiter counts the requests
 */
export function createAdmission({ all, each }: Limits, limiter: Limiter): Admit {
  const ofAll = limited({ of: 'all', ...all });
  const ofAnonymous = limited({ of: anonymousShare, perMinute: partOf(all.perMinute), atOnce: partOf(all.atOnce) });
  const ofEach = limited({ of: '', ...each });
  return (exchange, identity, holdsSlot = true) => {
    const own = identity.client?.client.limits;
    if (ofAll.length === 0 && ofEach.length === 0 && own === undefined) return undefined;
    const itsShares = [
      ...limited({ of: `client ${fairnessKey(identity, exchange.peer)}`, ...each, ...own }),
      ...(identity.isAnonymous ? ofAnonymous : []),
      ...ofAll,
    ];
    const shares = holdsSlot ? itsShares : itsShares.flatMap((share) => limited({ ...share, atOnce: 0 }));
    if (shares.length === 0) return undefined;
    const outcome = limiter.admit(shares);
    return outcome instanceof Promise
      ? outcome.then((it) => applyOutcome(exchange, it))
      : applyOutcome(exchange, outcome);
  };
}

/** The name of the share of all requests without a key. */
const anonymousShare = 'all without a key';

/**
 * The part of the common limits that requests without a key may use: they cannot use up what clients with a key need.
 */
function partOf(limit: number): number {
  return Math.ceil(limit / 4);
}

function limited(share: Share): readonly Share[] {
  return share.perMinute > 0 || share.atOnce > 0 ? [share] : [];
}

function applyOutcome(exchange: Exchange, outcome: Admission | Refusal): void {
  if (isRefusal(outcome)) throw refused(exchange, outcome);
  exchange.onEnd(() => outcome.end());
}

/**
 * The programs that sign requests for MAAS (Terraform and others by gomaasapi and gomaasclient) repeat a 503 after
 * `Retry-After`, as MAAS sends it, and give up at a 429. All other clients know 429 (RFC 6585 §4).
 */
function refused({ request }: Exchange, { share, limit, wait }: Refusal): Problem {
  const who =
    share.of === 'all'
      ? 'All clients together'
      : share.of === anonymousShare
        ? 'All clients without a key together'
        : 'This client';
  const what =
    limit === 'perMinute' ? `${share.perMinute} requests a minute` : `${share.atOnce} requests at the same time`;
  const retryAfter = wait === undefined ? pause : Math.max(1, Math.ceil(wait / 1000));
  return new Problem(
    'limit-reached',
    `${who} may send ${what}; send this one again in ${retryAfter} s. It has not been sent to MAAS.`,
    { retryAfter, ...(request.headers.authorization?.startsWith('OAuth ') === true && { status: 503 }) },
  );
}

import type { MaasAddress, Regions } from '../maas/maas-address.ts';
import type { Signer } from '../maas/signature.ts';
import type { Problem } from '../problem.ts';
import { sendOwnRequest, type OwnResponse } from './own-requests/own-request.ts';
import { createClock, type Clock } from './clock.ts';
import { createHealth, type Health } from './health.ts';
import type { Interceptor, UpstreamDispatch } from './handler.ts';
import { readRefusals } from './refusals.ts';
import { createPseudonym } from './loop.ts';
import { createWriteEpoch } from './reuse/write-epoch.ts';
import { createCache } from './reuse/cache.ts';
import { createPools, type Connections } from './connection/pool.ts';
import { createRegions, type RegionState } from './regions/regions.ts';
import { renewable } from './connection/renewable.ts';
import { createConcurrencyLimiter, type QueueState } from './queue/concurrency-limiter.ts';
import { queue } from './queue/queue.ts';
import { retry } from './retry.ts';
import { reuse } from './reuse/reuse.ts';
import { sign } from './sign.ts';

/** The way to one MAAS. */
export interface Upstream {
  /** The name that this proxy goes by in the `Via` of what it sends. */
  readonly pseudonym: string;
  /** Sends a request, signed; the chain of links is in this file. */
  readonly dispatch: UpstreamDispatch;
  /**
   * Asks MAAS on the proxy's own account.
   *
   * @param path begins below the API's root, such as `/version/`
   * @param signer signs it in place of the shared one; `nobody` leaves it unsigned
   * @param maxBytes how much MAAS may send; 1 MiB by default
   */
  sendOwnRequest(path: string, signer?: Signer | 'nobody', maxBytes?: number): Promise<OwnResponse>;
  /** Trusts these certificate authorities from the next connection on, PEM text; requests under way end on the old ones. */
  trust(ca: string | undefined): void;
  /** MAAS's clock, as far as it is known. */
  readonly clock: Clock;
  /** What its responses have shown of it. */
  readonly health: Health;
  /** When the certificates end that MAAS has shown, s since 1970, by its origin; none over plain http. */
  readonly certificates: ReadonlyMap<string, number>;
  /** How the regions are, as the last requests have shown it; none where there is only one. */
  regions(): readonly RegionState[];
  /** Asks each of the regions whether it answers; does nothing where there is only one. */
  probeRegions(): Promise<void>;
  /** Who is at MAAS, and who waits for a place there. */
  readonly queue: QueueState;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** What a way to MAAS is made of. */
export interface UpstreamOptions {
  readonly regions: Regions;
  /** Signs for all who have no key of their own; asked for each attempt. */
  readonly signer: () => Signer;
  /** PEM text of further certificate authorities. */
  readonly ca?: string | undefined;
  readonly insecure?: boolean;
  /** Seconds to MAAS's first byte, and between bytes. */
  readonly timeout: number;
  /** Whether identical reads in flight are joined. */
  readonly coalesce?: boolean;
  /** How many requests may be at MAAS at once. */
  readonly maxUpstream: number;
  /** For how long a response may be given again, s; 0 for never. */
  readonly cacheTtl?: number;
  /** How much all responses that are kept may hold, bytes. */
  readonly cacheMaxBytes?: number;
  /** How much all responses together may hold that are being given to several, bytes. */
  readonly maxShared?: number;
  /** Told the whole difference in seconds whenever MAAS has corrected the clock; positive where MAAS is ahead. */
  onClockDifference?(offset: number): void;
  /** Told when a region of several begins to rest, with why, and when it is back. */
  onRegionChange?(maas: MaasAddress, trouble: Problem | undefined): void;
}

/** Opens the way to MAAS; no connection is made before the first request. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { regions: addresses, signer, ca, insecure = false, timeout, maxUpstream } = options;
  const pseudonym = createPseudonym();
  const certificates = new Map<string, number>();
  const open = (trusted: string | undefined): Connections =>
    createPools(addresses, {
      ca: trusted,
      insecure,
      timeout: Math.round(timeout * 1000), // 1.001 * 1000 is no whole number
      onCertificate: (origin, expires) => certificates.set(origin, expires),
    });
  const pools = renewable(open(ca));
  // One clock for all regions: MAAS takes timestamps of the future, so the clock that is furthest ahead suits each.
  const clock = createClock((offset) => options.onClockDifference?.(offset));
  const regions =
    addresses.length > 1
      ? createRegions(addresses, pools.dispatch, pseudonym, (maas, trouble) => options.onRegionChange?.(maas, trouble))
      : undefined;
  const limiter = createConcurrencyLimiter({ maxConcurrent: maxUpstream });
  const { health, interceptor: watch } = createHealth();
  const dispatch = chain(
    ...reusing(options, signer), // join identical reads, remember answers
    retry(), //               send again where nothing can run twice
    queue(limiter), //         wait for a place at MAAS
    readRefusals(addresses, clock), // read 401, 502, 504 and redirects; set the clock
    watch, //                 take note of what the responses show of MAAS
    ...(regions === undefined ? [] : [regions.interceptor]), // choose a region; go on to the next where one fails
    sign(signer, () => clock.now()),
  )(pools.dispatch);
  return {
    pseudonym,
    dispatch,
    clock,
    health,
    certificates,
    queue: limiter,
    regions: () => regions?.states() ?? [],
    probeRegions: async () => regions?.probe(),
    sendOwnRequest: (path, other, maxBytes) =>
      sendOwnRequest(dispatch, addresses[0], path, { signer: other, pseudonym, maxBytes }),
    trust: (authorities) => pools.renew(open(authorities)),
    close() {
      regions?.close();
      return pools.destroy();
    },
  };
}

/** The link that gives answers to several, if there is anything for it to do. */
function reusing(
  { coalesce = false, cacheTtl = 0, cacheMaxBytes = 0, maxShared = 0 }: UpstreamOptions,
  shared: () => Signer,
): readonly Interceptor[] {
  if (!coalesce && cacheTtl === 0) return [];
  const memory = cacheTtl === 0 ? undefined : createCache(Math.round(cacheTtl * 1000), cacheMaxBytes);
  return [
    reuse({ epoch: createWriteEpoch(), sharedSigner: shared, collapses: coalesce, cache: memory, maxHeld: maxShared }),
  ];
}

/** Links in the order in which a request passes them. */
function chain(...links: readonly Interceptor[]): Interceptor {
  return (connected) => links.reduceRight((dispatch, link) => link(dispatch), connected);
}

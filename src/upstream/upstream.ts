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

/** Sends requests to one MAAS. */
export interface Upstream {
  /** The name of this proxy in the `Via` of the requests that it sends. */
  readonly pseudonym: string;
  /** Signs and sends a request; the chain of interceptors is in this file. */
  readonly dispatch: UpstreamDispatch;
  /**
   * Sends a request of the proxy's own.
   *
   * @param path begins below the API's root, such as `/version/`
   * @param signer signs it in place of the shared one; `nobody` leaves it unsigned
   * @param maxBytes how much MAAS may send; 1 MiB by default
   */
  sendOwnRequest(path: string, signer?: Signer | 'nobody', maxBytes?: number): Promise<OwnResponse>;
  /**
   * Trusts these certificate authorities from the next connection on, PEM text; requests in flight keep their
   * connection.
   */
  trust(ca: string | undefined): void;
  /** MAAS's clock, as far as it is known. */
  readonly clock: Clock;
  /** MAAS's health, as its responses show it. */
  readonly health: Health;
  /** When the certificates end that MAAS has shown, s since 1970, by its origin; none over plain http. */
  readonly certificates: ReadonlyMap<string, number>;
  /** The states of the regions, as the last requests have shown them; empty if there is only one. */
  regions(): readonly RegionState[];
  /** Probes each region; does nothing if there is only one. */
  probeRegions(): Promise<void>;
  /** How many requests are in flight to MAAS, and how many are queued. */
  readonly queue: QueueState;
  /** Closes all connections immediately. */
  close(): Promise<void>;
}

/** The options of an upstream. */
export interface UpstreamOptions {
  readonly regions: Regions;
  /** Signs for clients without a key of their own; called for each attempt. */
  readonly signer: () => Signer;
  /** PEM text of further certificate authorities. */
  readonly ca?: string | undefined;
  readonly insecure?: boolean;
  /** Seconds to MAAS's first byte, and between bytes. */
  readonly timeout: number;
  /** Whether identical reads in flight are collapsed. */
  readonly coalesce?: boolean;
  /** How many requests may be in flight to MAAS. */
  readonly maxUpstream: number;
  /** For how long a response may be served from cache, s; 0 for no cache. */
  readonly cacheTtl?: number;
  /** The bound of the cache, bytes. */
  readonly cacheMaxBytes?: number;
  /** The bound of all responses together that are buffered for several clients, bytes. */
  readonly maxShared?: number;
  /**
   * Called with the whole difference in seconds whenever MAAS has corrected the clock; positive if MAAS is ahead.
   */
  onClockDifference?(offset: number): void;
  /** Called when a region of several is ejected, with the reason, and when it is back. */
  onRegionChange?(maas: MaasAddress, lastError: Problem | undefined): void;
}

/** Creates the upstream; no connection is opened before the first request. */
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
      ? createRegions(addresses, pools.dispatch, pseudonym, (maas, lastError) =>
          options.onRegionChange?.(maas, lastError),
        )
      : undefined;
  const limiter = createConcurrencyLimiter({ maxConcurrent: maxUpstream });
  const { health, interceptor: watch } = createHealth();
  const dispatch = chain(
    ...reusing(options, signer), // collapse identical reads; serve from cache
    retry(), //               send again where nothing can run twice
    queue(limiter), //         wait for a slot
    readRefusals(addresses, clock), // read 401, 502, 504 and redirects; set the clock
    watch, //                 note what the responses show of MAAS's health
    ...(regions === undefined ? [] : [regions.interceptor]), // choose a region; move on to the next if one fails
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

/** The interceptor that shares responses, if collapsing or caching is on. */
function reusing(
  { coalesce = false, cacheTtl = 0, cacheMaxBytes = 0, maxShared = 0 }: UpstreamOptions,
  shared: () => Signer,
): readonly Interceptor[] {
  if (!coalesce && cacheTtl === 0) return [];
  const cache = cacheTtl === 0 ? undefined : createCache(Math.round(cacheTtl * 1000), cacheMaxBytes);
  return [
    reuse({ epoch: createWriteEpoch(), sharedSigner: shared, collapses: coalesce, cache: cache, maxHeld: maxShared }),
  ];
}

/** Composes interceptors, in the order in which a request passes them. */
function chain(...links: readonly Interceptor[]): Interceptor {
  return (connected) => links.reduceRight((dispatch, link) => link(dispatch), connected);
}

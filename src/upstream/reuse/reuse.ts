import type { Signer } from '../../maas/signature.ts';
import { signerOf, type Interceptor } from '../handler.ts';
import { SharedRequest, type SharedRequestContext, type HeldBytes, type Subscriber } from './shared-request.ts';
import type { WriteEpoch } from './write-epoch.ts';
import type { CacheHit, Cache } from './cache.ts';
import { readCacheLookup } from './cache-key.ts';
import { isStorable, unlessMatched } from './etag.ts';
import { RenewedMap } from './renewed-map.ts';
import { replay } from './buffered-response.ts';
import { WriteHandler } from './write.ts';

/** The options for sharing responses. */
export interface ReuseOptions {
  /** Which reads may share one response. */
  readonly epoch: WriteEpoch;
  /** Signs for clients without a key of their own. */
  readonly sharedSigner: () => Signer;
  /** Whether a read may subscribe to the same read in flight. */
  readonly collapses: boolean;
  /** `undefined` if nothing is cached. */
  readonly cache: Cache | undefined;
  /** The bound of all responses that are buffered for several clients, bytes. */
  readonly maxHeld: number;
}

/**
 * Collapses identical reads: when several clients send the same read at the same time, MAAS gets it once. A read that
 * was sent a moment ago is served from cache. This is the first interceptor of the chain; the policy has been evaluated
 * before.
 *
 * undici's `deduplicate` was looked at and not taken: it does not know writes, so a read could get a response from
 * before a write; when the first client disconnects, the others fail too, and when it is slow, they wait; it cuts a
 * slow subscriber off above a size; and to keep keys apart it would need the signature, which is made further down the
 * chain.
 */
export function reuse({ epoch, sharedSigner, collapses, cache, maxHeld }: ReuseOptions): Interceptor {
  const requests = new RenewedMap<string, SharedRequest>();
  const held = { bytes: 0, maxBytes: maxHeld };
  const onBuffered: SharedRequestContext['onBuffered'] =
    cache &&
    (({ cacheKey, epochAtStart, requestedAt }, response) => {
      if (epochAtStart === epoch.current && epoch.hasNoWritesInFlight && isStorable(response))
        cache.store(cacheKey, epochAtStart, response, requestedAt);
    });
  return (dispatch) => {
    const context: SharedRequestContext = {
      dispatch,
      held,
      onClosed(request) {
        if (requests.get(request.cacheKey) === request) requests.delete(request.cacheKey);
      },
      onBuffered,
    };
    return (request, handler) => {
      const { call } = request;
      if (call === undefined) {
        dispatch(request, handler);
        return;
      }
      if (call.operationClass === 'unsafe') {
        dispatch(request, new WriteHandler(handler, epoch));
        return;
      }
      const signer = signerOf(request, sharedSigner);
      const isShareable = call.operationClass === 'shareable';
      const lookup = isShareable ? readCacheLookup(request, signer, cache !== undefined) : undefined;
      if (lookup === undefined) {
        dispatch(request, handler);
        return;
      }
      const { key, maxAge, ifNoneMatch } = lookup;
      const subscriber: Subscriber = { request, handler, ifNoneMatch };
      const hit = maxAge === 0 ? undefined : cache?.find(key, epoch.current, maxAge);
      if (hit !== undefined && serveFromCache(hit, subscriber, held)) return;
      const inFlight = maxAge === 0 || !collapses ? undefined : requests.get(key);
      if (inFlight?.epochAtStart === epoch.current) {
        inFlight.subscribe(subscriber);
        return;
      }
      const shared = new SharedRequest(context, key, epoch.current, subscriber);
      requests.set(key, shared);
      shared.begin();
    };
  };
}

/** @returns whether the bound allowed it */
function serveFromCache(
  { entry, age, ttl }: CacheHit,
  { request, handler, ifNoneMatch }: Subscriber,
  held: HeldBytes,
): boolean {
  const { response } = entry;
  if (entry.readers === 0) {
    if (held.bytes + response.body.length > held.maxBytes) return false;
    held.bytes += response.body.length;
  }
  entry.readers += 1;
  if (request.call !== undefined) {
    request.call.trace.reuse = 'hit';
    request.call.trace.region = response.region;
  }
  const fields = [...response.fields, 'Age', String(age), 'Cache-Status', `maas-auth-proxy; hit; ttl=${ttl}`];
  replay(unlessMatched({ ...response, fields }, ifNoneMatch), handler, () => {
    entry.readers -= 1;
    if (entry.readers === 0) held.bytes -= response.body.length;
  });
  return true;
}

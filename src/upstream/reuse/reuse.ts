import type { Signer } from '../../maas/signature.ts';
import { signerOf, type Interceptor } from '../handler.ts';
import { SharedRequest, type SharedRequestContext, type HeldBytes, type Subscriber } from './shared-request.ts';
import type { WriteEpoch } from './write-epoch.ts';
import type { CacheHit, Cache } from './cache.ts';
import { readCacheLookup } from './cache-key.ts';
import { isStorable, unlessMatched } from './etag.ts';
import { replay } from './buffered-response.ts';
import { WriteHandler } from './write.ts';

/** How answers are given to more than one. */
export interface ReuseOptions {
  /** Which reads may have one answer between them. */
  readonly epoch: WriteEpoch;
  /** The signer of those who have no key of their own. */
  readonly sharedSigner: () => Signer;
  /** Whether a read may join another that is under way. */
  readonly collapses: boolean;
  /** Where answers are kept for later; `undefined` for nowhere. */
  readonly cache: Cache | undefined;
  /** How much all answers together may hold that are being given to several, bytes. */
  readonly maxHeld: number;
}

/**
 * After how many flights their map is made anew. V8 gives a Map that changes a new table now and then, to which the old one
 * points; once an old one is in the old generation, every flight that comes after is taken there too, with all that hangs
 * on it, and the garbage collector works five times as much.
 */
const renewAfter = 64;

/**
 * Joins identical reads: what many ask at the same time, MAAS is asked once; and answers from memory what was asked a moment
 * ago. It stands above all other links, behind the policy.
 *
 * undici's `deduplicate` was looked at and not taken: it knows no writes, so that a read could be answered with what MAAS was
 * before; the first request's client takes the others with it when it leaves, and holds them up when it is slow; it cuts a
 * slow follower off above a size; and to keep secrets apart it would need the signature, which is made below it.
 */
export function reuse({ epoch, sharedSigner, collapses, cache, maxHeld }: ReuseOptions): Interceptor {
  let requests = new Map<string, SharedRequest>();
  let ended = 0;
  const held = { bytes: 0, room: maxHeld };
  const onBuffered: SharedRequestContext['onBuffered'] =
    cache &&
    (({ cacheKey, epochAtStart, askedAt }, response) => {
      if (epochAtStart === epoch.current && epoch.hasNoWritesInFlight && isStorable(response))
        cache.store(cacheKey, epochAtStart, response, askedAt);
    });
  return (dispatch) => {
    const context: SharedRequestContext = {
      dispatch,
      held,
      onClosed(request) {
        if (requests.get(request.cacheKey) !== request) return;
        requests.delete(request.cacheKey);
        ended += 1;
        if (ended % renewAfter === 0) requests = new Map(requests);
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
        inFlight.join(subscriber);
        return;
      }
      const shared = new SharedRequest(context, key, epoch.current, subscriber);
      requests.set(key, shared);
      shared.begin();
    };
  };
}

/** @returns whether there was room for it */
function serveFromCache(
  { entry, age, ttl }: CacheHit,
  { request, handler, ifNoneMatch }: Subscriber,
  held: HeldBytes,
): boolean {
  const { response } = entry;
  if (entry.readers === 0) {
    if (held.bytes + response.body.length > held.room) return false;
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

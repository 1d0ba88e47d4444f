import { fieldOf, fieldValues, forEachField, type Fields } from '../../http/fields.ts';
import type { Signer } from '../../maas/signature.ts';
import type { UpstreamRequest } from '../handler.ts';
import { perClientFields } from '../request-headers.ts';

/** Fields about the client and the transfer, on which MAAS's response does not depend. */
const notInKey: ReadonlySet<string> = new Set([
  ...perClientFields,
  'traceparent',
  'tracestate',
  'accept-encoding', // MAAS does not compress; a response that is compressed all the same is not shared
  'cache-control',
  'pragma',
]);

/** With these a client requests a part of the response, or sets a condition; MAAS decides, and nothing is shared. */
const conditional: ReadonlySet<string> = new Set([
  'range',
  'if-range',
  'if-match',
  'if-modified-since',
  'if-unmodified-since',
]);

/** The identity of each key that requests are signed with. */
const keys = new WeakMap<Signer, number>();
let count = 0;

/** What decides whether a read can share a request or be served from cache. */
export interface CacheLookup {
  /** Equal for reads with the same response: signed with the same key, and with the same fields but for `notInKey`. */
  readonly key: string;
  /** The oldest stored response that the client accepts, s; 0 if it accepts none (RFC 9111 §5.2.1). */
  readonly maxAge: number;
  /** The entity tags of responses that the client has already. */
  readonly ifNoneMatch: string | undefined;
}

/**
 * Makes the cache key of a read.
 *
 * @param signer signs the request; `undefined` if it is sent unsigned: signed and unsigned requests never share a
 *   response
 * @param hasEtags whether the proxy gives responses an `ETag`, and so evaluates `If-None-Match` itself
 * @returns `undefined` if the read must not be shared
 */
export function readCacheLookup(
  { path, headers }: UpstreamRequest,
  signer: Signer | undefined,
  hasEtags: boolean,
): CacheLookup | undefined {
  let text = `${signer === undefined ? 'unsigned' : identityOf(signer)} ${path}`;
  let maxAge = Infinity;
  let ifNoneMatch: string | undefined;
  let isOwn = false;
  forEachField(headers, (_name, value, lower) => {
    if (conditional.has(lower)) isOwn = true;
    else if (lower === 'cache-control' || lower === 'pragma') {
      if (/\bno-store\b/i.test(value)) isOwn = true;
      maxAge = Math.min(maxAge, readMaxAge(value));
    } else if (lower === 'if-none-match') {
      if (!hasEtags) isOwn = true;
      ifNoneMatch = ifNoneMatch === undefined ? value : `${ifNoneMatch}, ${value}`;
    } else if (!notInKey.has(lower)) text += `\n${lower}:${value}`;
  });
  return isOwn ? undefined : { key: text, maxAge, ifNoneMatch };
}

function identityOf(signer: Signer): number {
  let key = keys.get(signer);
  if (key === undefined) {
    count += 1;
    key = count;
    keys.set(signer, key);
  }
  return key;
}

function readMaxAge(cacheControl: string): number {
  if (/\bno-cache\b/i.test(cacheControl)) return 0;
  return Number(/\bmax-age="?(\d+)/i.exec(cacheControl)?.[1] ?? Infinity);
}

/**
 * Whether a response may be shared by all requests with the same cache key: it is not compressed for one of them, and
 * does not vary by a field that is not in the cache key (RFC 9110 §12.5.5). The API key is in the cache key, and
 * cookies never reach MAAS.
 */
export function isShareable(fields: Fields): boolean {
  if (fieldOf(fields, 'content-encoding') !== undefined) return false;
  const varies = fieldValues(fields, 'vary').flatMap((value) => value.toLowerCase().split(','));
  return !varies.some((field) => isNotInKey(field.trim()));
}

function isNotInKey(field: string): boolean {
  return field === '*' || (field !== 'accept-encoding' && notInKey.has(field));
}

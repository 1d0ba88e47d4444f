import { fieldOf, fieldValues, forEachField, type Fields } from '../../http/fields.ts';
import type { Signer } from '../../maas/signature.ts';
import type { UpstreamRequest } from '../handler.ts';

/** Fields that say who asks and how the answer travels; MAAS answers the same whatever they hold. */
const notInKey: ReadonlySet<string> = new Set([
  'user-agent',
  'x-request-id',
  'x-forwarded-for',
  'via',
  'traceparent',
  'tracestate',
  'accept-encoding', // MAAS does not compress; an answer that is compressed all the same is given to nobody else
  'cache-control',
  'pragma',
]);

/** With these a client asks for a part of the answer, or for one on a condition; it gets what MAAS makes of them. */
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

/** A read, as those see it who look for another like it. */
export interface CacheLookup {
  /** Equal for reads that MAAS answers alike: they are signed with one key, and all that is sent to MAAS is the same, but for who asks. */
  readonly key: string;
  /** How old an answer may be that others have asked for, s; 0 where the client will have none (RFC 9111 §5.2.1). */
  readonly maxAge: number;
  /** The answer that the client has already. */
  readonly ifNoneMatch: string | undefined;
}

/**
 * Reads what a client asks for.
 *
 * @param signer the one by which the request will be signed; `undefined` where it will not be: what anybody may see is never
 *   given to those with a key, nor the other way round
 * @param hasEtags whether answers have an `ETag` of the proxy's, and so `If-None-Match` is the proxy's to answer
 * @returns `undefined` where the read is to go its own way
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
 * Whether an answer is one for all who have asked the same: it is not compressed for one of them, and does not vary by what
 * the question's text leaves out (RFC 9110 §12.5.5). The key is in the text, and cookies never reach MAAS.
 */
export function isShareable(fields: Fields): boolean {
  if (fieldOf(fields, 'content-encoding') !== undefined) return false;
  const varies = fieldValues(fields, 'vary').flatMap((value) => value.toLowerCase().split(','));
  return !varies.some((field) => isNotInKey(field.trim()));
}

function isNotInKey(field: string): boolean {
  return field === '*' || (field !== 'accept-encoding' && notInKey.has(field));
}

import { createHash, type Hash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { canonicalJson } from './canonical-json.ts';
import { rawHeader } from '../forwarding-handler.ts';
import { rawFields, type BufferedResponse } from './buffered-response.ts';

/**
 * An answer with the `ETag` that MAAS lacks. Of JSON it is made of the canonical form, since MAAS's workers order the members of objects
 * differently; it is weak then, because more than one text may have it (RFC 9110 §8.8.1).
 *
 * @param bytes the hash of the body as it came
 */
export function withEtag(response: BufferedResponse, bytes: Hash): BufferedResponse {
  if (rawHeader(response.rawHeaders, 'etag') !== undefined) return response;
  const isJson = /^application\/json\b/i.test(rawHeader(response.rawHeaders, 'content-type') ?? '');
  const canonical = isJson ? canonicalJson(response.body.toString('latin1')) : undefined;
  const etag =
    canonical === undefined
      ? tagOf(bytes)
      : `W/${tagOf(createHash('sha256').update('json ').update(canonical, 'latin1'))}`;
  return { ...response, rawHeaders: [...response.rawHeaders, ...rawFields({ ETag: etag })] };
}

function tagOf(hash: Hash): string {
  return `"${hash.digest('base64url').slice(0, 22)}"`;
}

/** The answer for a client that has it already: 304 without the body (RFC 9110 §15.4.5), where `If-None-Match` names its tag. */
export function unlessMatched(response: BufferedResponse, ifNoneMatch: string | undefined): BufferedResponse {
  if (ifNoneMatch === undefined || response.status !== 200) return response;
  const etag = rawHeader(response.rawHeaders, 'etag');
  if (etag === undefined || !matches(ifNoneMatch, etag)) return response;
  const rawHeaders = response.rawHeaders.filter((_, index, all) => {
    const name = (all[index - (index % 2)] as Buffer).toString('latin1').toLowerCase();
    return name !== 'content-length' && name !== 'transfer-encoding';
  });
  return { ...response, status: 304, statusText: 'Not Modified', rawHeaders, body: Buffer.alloc(0) };
}

/** Compares weakly (RFC 9110 §13.1.2): a compressed answer has the same tag, marked as weak. */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  return [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([tag]) => tag === opaque);
}

/** The request without `If-None-Match`: what MAAS answers is for others too, and the tag is not MAAS's. */
export function withoutCondition(options: Dispatcher.DispatchOptions): Dispatcher.DispatchOptions {
  const list = options.headers as readonly string[];
  const headers = list.filter((_, index) => list[index - (index % 2)]?.toLowerCase() !== 'if-none-match');
  return { ...options, headers };
}

/** Whether MAAS allows that an answer is kept (RFC 9111 §5.2.2). It says nothing of it so far. */
export function isStorable({ status, rawHeaders }: BufferedResponse): boolean {
  return status === 200 && !/no-store|no-cache|private|max-age=0/i.test(rawHeader(rawHeaders, 'cache-control') ?? '');
}

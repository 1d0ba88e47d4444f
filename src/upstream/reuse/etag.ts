import { createHash, type Hash } from 'node:crypto';
import { fieldOf, withoutFields } from '../../http/fields.ts';
import type { UpstreamRequest } from '../handler.ts';
import type { BufferedResponse } from './buffered-response.ts';
import { canonicalJson } from './canonical-json.ts';

/**
 * Adds the `ETag` that MAAS's responses lack. For JSON it is the hash of the canonical form, because MAAS's workers
 * order the members of objects differently; it is weak then, because several texts may have it (RFC 9110 §8.8.1).
 *
 * @param bytes the hash of the body as it came
 */
export function withEtag(response: BufferedResponse, bytes: Hash): BufferedResponse {
  if (fieldOf(response.fields, 'etag') !== undefined) return response;
  const isJson = /^application\/json\b/i.test(fieldOf(response.fields, 'content-type') ?? '');
  const canonical = isJson ? canonicalJson(response.body.toString('latin1')) : undefined;
  const etag =
    canonical === undefined
      ? tagOf(bytes)
      : `W/${tagOf(createHash('sha256').update('json ').update(canonical, 'latin1'))}`;
  return { ...response, fields: [...response.fields, 'ETag', etag] };
}

function tagOf(hash: Hash): string {
  return `"${hash.digest('base64url').slice(0, 22)}"`;
}

/**
 * The response for a client that has it already: 304 without the body (RFC 9110 §15.4.5), if `If-None-Match` has its
 * tag.
 */
export function unlessMatched(response: BufferedResponse, ifNoneMatch: string | undefined): BufferedResponse {
  if (ifNoneMatch === undefined || response.status !== 200) return response;
  const etag = fieldOf(response.fields, 'etag');
  if (etag === undefined || !matches(ifNoneMatch, etag)) return response;
  const fields = withoutFields(response.fields, (name) => name === 'content-length' || name === 'transfer-encoding');
  return { ...response, status: 304, statusText: 'Not Modified', fields, body: Buffer.alloc(0) };
}

/** Compares weakly (RFC 9110 §13.1.2): a compressed response has the same tag, marked as weak. */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  return [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([tag]) => tag === opaque);
}

/** The request without `If-None-Match`: MAAS's response is for other clients too, and the tag is not MAAS's. */
export function withoutCondition(request: UpstreamRequest): UpstreamRequest {
  return { ...request, headers: withoutFields(request.headers, (name) => name === 'if-none-match') };
}

/** Whether MAAS allows that a response is stored (RFC 9111 §5.2.2). So far MAAS sends no such field. */
export function isStorable({ status, fields }: BufferedResponse): boolean {
  return status === 200 && !/no-store|no-cache|private|max-age=0/i.test(fieldOf(fields, 'cache-control') ?? '');
}

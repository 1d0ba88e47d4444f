import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Exchange } from '../exchange.ts';
import type { OperationClass } from '../policy/operation-class.ts';
import { fieldOf, forEachField, type Fields } from '../http/fields.ts';

/** The content codings that the proxy supports, in order of preference. */
export type Coding = 'zstd' | 'br' | 'gzip';

/** A response below this size fits into one packet anyway, bytes. */
const threshold = 1_024;

/** Compressible types: text; archives, images and BSON gain nothing. */
const textType = /^(?:text\/|application\/(?:json|yaml|xml|problem\+json|[\w.-]+\+(?:json|yaml|xml))(?:[;\s]|$))/i;

/** Supported by Node from 22.15 on. */
const { createZstdCompress } = zlib as unknown as { readonly createZstdCompress?: () => Transform };

/**
 * Creates a compressing stream. For 0.9 MB of machines (Node 20 and 26) gzip takes 1 to 2 ms at level 1 and 6 to 16 ms
 * at its default 6; brotli 1 ms at quality 2 and seconds at its default 11; zstd 0.3 ms at its default. The window of
 * brotli is kept small: its default is 4 MiB for each response.
 */
const coders: Readonly<Record<Coding, ((length: number) => Transform) | undefined>> = {
  zstd: createZstdCompress && (() => createZstdCompress()),
  br: (length) =>
    zlib.createBrotliCompress({
      params: {
        [zlib.constants.BROTLI_PARAM_QUALITY]: 2,
        [zlib.constants.BROTLI_PARAM_LGWIN]: 18,
        [zlib.constants.BROTLI_PARAM_SIZE_HINT]: length,
      },
    }),
  gzip: () => zlib.createGzip({ level: 1 }),
};

let atWork = 0;

/**
 * Whether one more response may be compressed; otherwise it passes uncompressed.
 *
 * @param most how many may be compressed concurrently: each takes up to 3 MB while its client reads
 */
export function mayCompress(most: number): boolean {
  return atWork < most;
}

/** A stream that compresses, on threads besides the event loop. @param length the expected size, bytes */
export function createCoder(coding: Coding, length: number): Transform {
  const make = coders[coding];
  if (make === undefined) throw new Error(`${coding} was not to be chosen`);
  atWork += 1;
  return make(length).once('close', () => {
    atWork -= 1;
  });
}

/**
 * Whether a response may be compressed: it must be text that reveals no credential, because the length of a compressed
 * response shows whether it contains what an attacker placed next to the secret (BREACH). A response without a length
 * may be endless; it passes uncompressed.
 *
 * @param length bytes, `undefined` if it is not known
 */
export function isCompressible(
  { method, request }: Exchange,
  operationClass: OperationClass,
  status: number,
  fields: Fields,
  length: number | undefined,
): boolean {
  if (method !== 'GET' || request.httpVersion !== '1.1') return false;
  // The length of a 304's full response is not known, but its headers must be the same (RFC 9110 §15.4.5).
  if (!(status === 304 || (status === 200 && length !== undefined && length >= threshold))) return false;
  if (!textType.test(fieldOf(fields, 'content-type') ?? '')) return false;
  if (fieldOf(fields, 'content-encoding') !== undefined) return false;
  // RFC 9110 §7.7: `no-transform` forbids it.
  if (isUntouchable(fieldOf(fields, 'cache-control')) || isUntouchable(request.headers['cache-control'])) return false;
  return operationClass === 'shareable';
}

function isUntouchable(cacheControl: string | undefined): boolean {
  return cacheControl !== undefined && /no-transform/i.test(cacheControl);
}

/**
 * The content coding that the client prefers, of those that the proxy supports (RFC 9110 §12.5.3).
 *
 * @returns `undefined` for none
 */
export function chooseCoding(acceptEncoding: string): Coding | undefined {
  if (acceptEncoding === '') return undefined;
  const weights = new Map<string, number>();
  for (const element of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = element.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    weights.set(name === 'x-gzip' ? 'gzip' : name, /^(?:0(?:\.\d*)?|1(?:\.0*)?)$/.test(weight) ? Number(weight) : 0);
  }
  let best: Coding | undefined;
  let most = weights.get('identity') ?? 0;
  for (const [coding, make] of Object.entries(coders) as [Coding, unknown][]) {
    const weight = weights.get(coding) ?? weights.get('*') ?? 0;
    if (make === undefined || weight === 0 || weight < most || (weight === most && best !== undefined)) continue;
    best = coding;
    most = weight;
  }
  return best;
}

/**
 * The headers of a response that may be compressed, names and values alternating.
 *
 * @param coding its content coding, `undefined` for none
 */
export function codedHeaders(headers: Fields, coding: Coding | undefined): string[] {
  const coded: string[] = [];
  let vary = '';
  forEachField(headers, (name, value, lower) => {
    if (lower === 'vary') vary += `${value}, `;
    else if (coding === undefined) coded.push(name, value);
    // A strong tag does not stand for the compressed bytes (RFC 9110 §8.8.3.3).
    else if (lower === 'etag' && !value.startsWith('W/')) coded.push(name, `W/${value}`);
    else if (lower !== 'content-length') coded.push(name, value);
  });
  coded.push('Vary', /(?:^|,)\s*(?:accept-encoding|\*)\s*,/i.test(vary) ? vary.slice(0, -2) : `${vary}Accept-Encoding`);
  if (coding !== undefined) coded.push('Content-Encoding', coding);
  return coded;
}

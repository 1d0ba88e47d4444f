import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Exchange } from '../exchange.ts';
import type { OperationClass } from '../policy/operation-class.ts';
import { fieldOf, type Fields } from '../http/fields.ts';

/** The content codings that the proxy makes, the one that it would rather make first. */
export type Coding = 'zstd' | 'br' | 'gzip';

/** Below this many bytes a response fits into one packet anyhow. */
const threshold = 1_024;

/** Text, in which names repeat; archives, images and BSON gain nothing. */
const textType = /^(?:text\/|application\/(?:json|yaml|xml|problem\+json|[\w.-]+\+(?:json|yaml|xml))(?:[;\s]|$))/i;

/** Node has it from 22.15 on. */
const { createZstdCompress } = zlib as unknown as { readonly createZstdCompress?: () => Transform };

/**
 * Makers of coders. For 0.9 MB of machines (Node 20 and 26) gzip takes 1 to 2 ms at level 1 and 6 to 16 at its default 6; brotli 1 ms at
 * quality 2 and seconds at its default 11; zstd 0.3 ms at its default. The window of brotli is kept small: 4 MiB by default, for each response.
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
 * Whether one response more may be compressed; else it passes as it is.
 *
 * @param most how many may be at once: each takes up to 3 MB for as long as its client reads
 */
export function mayCompress(most: number): boolean {
  return atWork < most;
}

/** A stream that compresses, on threads beside the event loop. @param length of what will come, bytes */
export function createCoder(coding: Coding, length: number): Transform {
  const make = coders[coding];
  if (make === undefined) throw new Error(`${coding} was not to be chosen`);
  atWork += 1;
  return make(length).once('close', () => {
    atWork -= 1;
  });
}

/**
 * Whether a response is one that may be compressed: text, that reveals no credential. Of a compressed response the length tells
 * whether it holds what somebody could make stand beside the secret (BREACH). One that does not tell its length may be one that goes on; it passes as it comes.
 *
 * @param length bytes, `undefined` where it is not known
 */
export function isCompressible(
  { method, request }: Exchange,
  operationClass: OperationClass,
  status: number,
  fields: Fields,
  length: number | undefined,
): boolean {
  if (method !== 'GET' || request.httpVersion !== '1.1') return false;
  // Of a 304 the length is not known, and it tells what the whole response would (RFC 9110 §15.4.5).
  if (!(status === 304 || (status === 200 && length !== undefined && length >= threshold))) return false;
  if (!textType.test(fieldOf(fields, 'content-type') ?? '')) return false;
  if (fieldOf(fields, 'content-encoding') !== undefined) return false;
  // RFC 9110 §7.7: who says so wants it as it is.
  if (isUntouchable(fieldOf(fields, 'cache-control')) || isUntouchable(request.headers['cache-control'])) return false;
  return operationClass === 'shareable';
}

function isUntouchable(cacheControl: string | undefined): boolean {
  return cacheControl !== undefined && /no-transform/i.test(cacheControl);
}

/**
 * The coding that the client likes best, of those that the proxy makes (RFC 9110 §12.5.3).
 *
 * @returns `undefined` where it is to be none
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
 * The header of a response that may be compressed, names and values in turn.
 *
 * @param coding by which it is compressed, `undefined` where it is not
 */
export function codedHeaders(headers: Fields, coding: Coding | undefined): string[] {
  const coded: string[] = [];
  let vary = '';
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    const lower = name.toLowerCase();
    if (lower === 'vary') vary += `${value}, `;
    else if (coding === undefined) coded.push(name, value);
    // The bytes are no longer those that a strong tag stands for (RFC 9110 §8.8.3.3).
    else if (lower === 'etag' && !value.startsWith('W/')) coded.push(name, `W/${value}`);
    else if (lower !== 'content-length') coded.push(name, value);
  }
  coded.push('Vary', /(?:^|,)\s*(?:accept-encoding|\*)\s*,/i.test(vary) ? vary.slice(0, -2) : `${vary}Accept-Encoding`);
  if (coding !== undefined) coded.push('Content-Encoding', coding);
  return coded;
}

// The kinds of response that MAAS sends. The headers depend on which layer of MAAS has made the response, so there is a
// function for each layer. All header sets are those of the recordings (MAAS 3.4.10 and 3.7.3, seen).
import type { Readable } from 'node:stream';

export interface SimulatedResponse {
  status: number;
  headers: [name: string, value: string][];
  /** A stream comes with its length in bytes, so that Content-Length can be sent. */
  body: Buffer | { length: number; open: () => Readable };
  /** JSON written by MAAS's emitter: only these can become JSONP or be refused for `?format=`. */
  emitted?: boolean;
  /** Made by MAAS's API resource, which adds its hash. It depends on the version, so it is added last. */
  hashed?: boolean;
  /** Sent without Content-Length, as MAAS does when Django itself refuses the request. */
  chunked?: boolean;
}

/** Thrown by an operation to send another response than its normal one. */
export class Refusal extends Error {
  readonly response: SimulatedResponse;
  constructor(response: SimulatedResponse) {
    super(`${response.status}`);
    this.response = response;
  }
}

const FRAME: [string, string] = ['X-Frame-Options', 'DENY'];

/** The response of an operation that reached its handler. */
export function handled(status: number, contentType: string, body: string | Buffer, vary = 'Authorization, Cookie') {
  const headers: SimulatedResponse['headers'] = [['Content-Type', contentType], ['Vary', vary], FRAME];
  return { status, headers, body: Buffer.from(body), hashed: true } satisfies SimulatedResponse;
}

/** A value as MAAS's emitter writes it: JSON indented by 4. */
export function json(value: unknown, status = 200): SimulatedResponse {
  return { ...handled(status, 'application/json; charset=utf-8', JSON.stringify(value, null, 4)), emitted: true };
}

/** JSON that is already text (the list of machines is cached as text, for speed). */
export function jsonText(text: string): SimulatedResponse {
  return { ...handled(200, 'application/json; charset=utf-8', text), emitted: true };
}

/** Python's json.dumps without indent: `{"a": 1, "b": 2}`. A few operations respond like this (MAAS 3.7.3, seen). */
export function dumps(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(dumps).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${dumps(item)}`)
    .join(', ')}}`;
}

/** The fixed responses of Piston, the library below MAAS's API: `OK`, `Forbidden`, an empty 204. */
export const plain = (status: number, text: string): SimulatedResponse => handled(status, 'text/plain', text);
export const ok = (): SimulatedResponse => plain(200, 'OK');
export const deleted = (): SimulatedResponse => plain(204, '');

/** An exception, turned into a response outside of the API resource: no hash, and another Vary. */
export function raised(status: number, text: string, contentType = 'text/plain; charset=utf-8'): SimulatedResponse {
  return { status, headers: [['Content-Type', contentType], FRAME, ['Vary', 'Cookie']], body: Buffer.from(text) };
}

/** Plain Django views: `describe/`, `openapi.yaml`, unknown endpoints, API 1.0. */
export function view(status: number, contentType: string, text: string | Buffer): SimulatedResponse {
  return { status, headers: [['Content-Type', contentType], FRAME], body: Buffer.from(text) };
}

/** A response of MAAS's nginx itself. */
export function nginx(status: number, title: string, headers: SimulatedResponse['headers'] = []): SimulatedResponse {
  const page = [
    '<html>',
    `<head><title>${status} ${title}</title></head>`,
    '<body>',
    `<center><h1>${status} ${title}</h1></center>`,
    '<hr><center>nginx/1.22.1</center>',
    '</body>',
    '</html>',
    '',
  ].join('\r\n');
  return { status, headers: [['Content-Type', 'text/html'], ...headers], body: Buffer.from(page) };
}

/** Throws what becomes of MAAS's own exceptions: a line of text, or errors by field. */
export function refuse(status: number, reason: string | Record<string, string[]>): never {
  if (typeof reason === 'string') throw new Refusal(raised(status, reason));
  throw new Refusal(raised(status, dumps(reason), 'application/json; charset=utf-8'));
}

/** Django's get_object_or_404: unlike other refusals it has the hash (MAAS 3.7.3, seen). */
export function missing(model: string): never {
  throw new Refusal(plain(404, `No ${model} matches the given query.`));
}

// Bodies made up at random, as they are sent: with a length, in chunks, up to the end of the connection.
import assert from 'node:assert/strict';
import * as fc from 'fast-check';

/** Random bytes as a text. */
export function bytes(maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ maxLength, size: 'max' }).map((array) => Buffer.from(array).toString('latin1'));
}

/** How the chunks of a body are made: their sizes in turn, an extension of each, and a field behind them. */
export interface Chunks {
  readonly sizes: readonly number[];
  readonly extension: string;
  readonly trailer: string;
}

export const chunks: fc.Arbitrary<Chunks> = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 8 }),
  extension: fc.constantFrom('', ';a', ';a=b', ';a="b;c"'),
  trailer: fc.constantFrom('', 'X-Trailer: yes\r\n'),
});

/** The fields that say how a body is framed, the line that ends the head, and the body: in chunks, or with its length. */
export function framed(body: string, how: Chunks | 'length'): string {
  if (how === 'length') return `Content-Length: ${body.length}\r\n\r\n${body}`;
  let text = '';
  for (let at = 0, index = 0; at < body.length; index += 1) {
    const chunk = body.slice(at, at + (how.sizes[index % how.sizes.length] as number));
    text += `${chunk.length.toString(16)}${how.extension}\r\n${chunk}\r\n`;
    at += chunk.length;
  }
  return `Transfer-Encoding: chunked\r\n\r\n${text}0\r\n${how.trailer}\r\n`;
}

/** Puts chunks together again. */
export function unchunked(text: string): string {
  let body = '';
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, end), 16);
    assert.ok(end !== -1 && size >= 0, 'a broken chunk');
    if (size === 0) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

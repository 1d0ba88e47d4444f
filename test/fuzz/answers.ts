// Answers of MAAS's made up at random.
import * as fc from 'fast-check';
import { trimmed } from '../support/recording-maas.ts';
import { bytes, chunks, framed } from './bodies.ts';
import { answerFields, valuesOf, written, type Field } from './fields.ts';

/** What the client should see of an answer, and the bytes that MAAS sends. */
export interface MadeAnswer {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly bytes: string;
  readonly closes: boolean;
}

const reasonByte = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0x21, max: 0x7e }) },
  { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 1, arbitrary: fc.constantFrom(9, 0x20) },
);

/** Statuses with a meaning to the proxy: refused signatures, a region that is down, a time to come again, a loop. */
const read = new Set([401, 409, 502, 503, 504, 508]);

export const answers: fc.Arbitrary<MadeAnswer> = fc
  .tuple(
    fc.integer({ min: 200, max: 599 }).filter((code) => !read.has(code)),
    fc.array(reasonByte, { maxLength: 12 }).map((codes) => trimmed(String.fromCharCode(...codes))),
    answerFields,
    bytes(4_000),
    fc.oneof(fc.constantFrom('length' as const, 'close' as const), chunks),
  )
  .map(([status, reason, fields, content, how]) => {
    const body = status === 204 || status === 304 ? '' : content;
    const head = `HTTP/1.1 ${status} ${reason}\r\n${written(fields)}`;
    return {
      status,
      reason,
      fields,
      body,
      bytes: head + (how === 'close' ? `\r\n${body}` : framed(body, body === '' ? 'length' : how)),
      closes: how === 'close' || valuesOf(fields, 'connection').some((value) => value.includes('close')),
    };
  });

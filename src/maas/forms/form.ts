import { setImmediate as othersFirst } from 'node:timers/promises';
import { decodeFormName } from '../api-path.ts';
import { multipartOps } from './multipart.ts';
import type { FormOps } from '../operations/operation.ts';

/**
 * Finds the ops in a POST's body, as far as Django would read it as a form. If Django's versions differ, or one more
 * byte would change what Django reads, the form is ambiguous.
 *
 * Each byte is read once, and only the ops are copied: 1 MiB takes some 4 ms.
 *
 * @param contentType the complete field value
 * @returns `undefined` if MAAS reads no form: JSON, octets, no type
 */
export function formOps(contentType: string | undefined, body: Buffer): FormOps | undefined {
  const type = contentType ?? '';
  if (isUrlencoded(type)) {
    const ops: string[] = [];
    return collectOps(ops, body, 0, body.length) ? { ops, isAmbiguous: false } : doubtful;
  }
  if (/^multipart\/form-data[ \t]*;/.test(type)) return multipartOps(type, body);
  // In capitals it is a form for Django 4.2 but not for 3.2; followed by U+0085, which Python strips, for both.
  return /form-(?:data|urlencoded)/i.test(type) ? doubtful : undefined;
}

/** The same for a large form; it yields to the event loop after each MiB. */
export async function formOpsInPieces(contentType: string | undefined, body: Buffer): Promise<FormOps | undefined> {
  // Parts of multipart forms are skipped.
  if (body.length <= piece || !isUrlencoded(contentType ?? '')) return formOps(contentType, body);
  const ops: string[] = [];
  for (let start = 0; start < body.length; start += piece) {
    if (!collectOps(ops, body, start, Math.min(start + piece, body.length))) return doubtful;
    await othersFirst();
  }
  return { ops, isAmbiguous: false };
}

/** How many bytes of a form are read in one step. */
const piece = 1024 * 1024;

function isUrlencoded(type: string): boolean {
  return /^application\/x-www-form-urlencoded[ \t]*(?:;|$)/.test(type);
}

const doubtful: FormOps = { ops: [], isAmbiguous: true };

/**
 * The longest encoded op, bytes. MAAS's longest has 30, and nine times as many is more than any encoding needs. A
 * longer one is ambiguous, and never becomes a string.
 */
const maxOp = 256;

/** The most `op` fields of a form: MAAS reads no form with more fields (Django's `DATA_UPLOAD_MAX_NUMBER_FIELDS`). */
const maxOps = 1_000;

/** The bytes that matter here. */
const [and, semicolon, equals, percent] = [0x26, 0x3b, 0x3d, 0x25];
const [zero, six, seven, capitalF, f, o, p] = [0x30, 0x36, 0x37, 0x46, 0x66, 0x6f, 0x70];

/**
 * Finds `op` among the names that begin in a piece of an urlencoded form; `&` separates. A name after a `;`, or
 * followed by one, is ambiguous: some readers take `;` for `&`, and find an op that the others do not find.
 *
 * @param ops receives the values
 * @returns `false` if the form is ambiguous
 */
function collectOps(ops: string[], body: Buffer, start: number, end: number): boolean {
  let before = start === 0 ? and : body[start - 1];
  for (let at = start; at < end; at += 1) {
    const byte = body[at] as number;
    const separator = before;
    before = byte;
    if ((separator !== and && separator !== semicolon) || (byte !== o && byte !== percent)) continue;
    const nameEnd = endOfOpName(body, at);
    if (nameEnd === none) continue;
    const next = nameEnd === body.length ? and : body[nameEnd];
    if (next === semicolon) return false;
    if (next !== and && next !== equals) continue;
    if (separator === semicolon || ops.length === maxOps) return false;
    const value = valueAt(body, next === equals ? nameEnd + 1 : nameEnd);
    if (value.length > maxOp) return false;
    ops.push(decodeFormName(value.toString('latin1')));
  }
  return true;
}

const none = -1;

/** The end of a name that begins here and is `op` after percent-decoding. */
function endOfOpName(body: Buffer, start: number): number {
  let at = start;
  if (body[at] === o) at += 1;
  else if (body[at + 1] === six && (body[at + 2] === f || body[at + 2] === capitalF)) at += 3;
  else return none;
  if (body[at] === p) return at + 1;
  return body[at] === percent && body[at + 1] === seven && body[at + 2] === zero ? at + 3 : none;
}

/** The value that begins here, cut off above the longest op. */
function valueAt(body: Buffer, start: number): Buffer {
  const most = body.subarray(start, start + maxOp + 1);
  const end = most.indexOf(and);
  return end === none ? most : most.subarray(0, end);
}

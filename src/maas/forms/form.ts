import { setImmediate as othersFirst } from 'node:timers/promises';
import { decodeFormName } from '../api-path.ts';
import { multipartOps } from './multipart.ts';
import type { FormOps } from '../operations/operation.ts';

/**
 * Reads what a POST's body says of the operation, as far as Django would see a form in it. Where Django's versions differ,
 * or a byte more or less would change what Django sees, the form is called doubtful.
 *
 * It looks at each byte once and copies none but those of the ops: 1 MiB takes some 4 ms.
 *
 * @param contentType the whole field value
 * @returns `undefined` where MAAS sees no form: JSON, octets, no type
 */
export function formOps(contentType: string | undefined, body: Buffer): FormOps | undefined {
  const type = contentType ?? '';
  if (isUrlencoded(type)) {
    const ops: string[] = [];
    return collectOps(ops, body, 0, body.length) ? { ops, isAmbiguous: false } : doubtful;
  }
  if (/^multipart\/form-data[ \t]*;/.test(type)) return multipartOps(type, body);
  // In capitals it is a form for Django 4.2 and none for 3.2; with U+0085 behind it, which Python strips, for both.
  return /form-(?:data|urlencoded)/i.test(type) ? doubtful : undefined;
}

/** The same for a large form; others get the event loop after each MiB of it. */
export async function formOpsInPieces(contentType: string | undefined, body: Buffer): Promise<FormOps | undefined> {
  // The parts of the other kind of form are passed over.
  if (body.length <= piece || !isUrlencoded(contentType ?? '')) return formOps(contentType, body);
  const ops: string[] = [];
  for (let start = 0; start < body.length; start += piece) {
    if (!collectOps(ops, body, start, Math.min(start + piece, body.length))) return doubtful;
    await othersFirst();
  }
  return { ops, isAmbiguous: false };
}

/** How much of a form is looked at at a time, bytes. */
const piece = 1024 * 1024;

function isUrlencoded(type: string): boolean {
  return /^application\/x-www-form-urlencoded[ \t]*(?:;|$)/.test(type);
}

const doubtful: FormOps = { ops: [], isAmbiguous: true };

/**
 * How many bytes an op may have as it is written. MAAS's longest has 30, and nine times as many is more than any encoding needs. What is
 * longer is in doubt, and never becomes a string.
 */
const maxOp = 256;

/** How many times `op` may stand in a form: of more fields than that MAAS reads none (Django's `DATA_UPLOAD_MAX_NUMBER_FIELDS`). */
const maxOps = 1_000;

/** The bytes that matter here. */
const [and, semicolon, equals, percent] = [0x26, 0x3b, 0x3d, 0x25];
const [zero, six, seven, capitalF, f, o, p] = [0x30, 0x36, 0x37, 0x46, 0x66, 0x6f, 0x70];

/**
 * Finds `op` among the names of an urlencoded form that begin in a piece of it; `&` separates. One behind a `;`, or with a `;` right
 * behind its name, is doubtful: some readers take `;` for `&`, and see an op there that the others do not see.
 *
 * @param ops takes the values found
 * @returns `false` where the form is doubtful
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

/** Where a name ends that begins here and is `op` once it is percent-decoded. */
function endOfOpName(body: Buffer, start: number): number {
  let at = start;
  if (body[at] === o) at += 1;
  else if (body[at + 1] === six && (body[at + 2] === f || body[at + 2] === capitalF)) at += 3;
  else return none;
  if (body[at] === p) return at + 1;
  return body[at] === percent && body[at + 1] === seven && body[at + 2] === zero ? at + 3 : none;
}

/** The value that begins here, or more of it than may be. */
function valueAt(body: Buffer, start: number): Buffer {
  const most = body.subarray(start, start + maxOp + 1);
  const end = most.indexOf(and);
  return end === none ? most : most.subarray(0, end);
}

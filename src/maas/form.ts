import { hidesOp, opValues, type FormOps } from './operation.ts';

/**
 * Reads what a POST's body says of the operation, as far as Django would see a form in it. Where Django's versions differ,
 * or a byte more or less would change what Django sees, the form is called doubtful.
 *
 * @param contentType the whole field value
 * @returns `undefined` where MAAS sees no form: JSON, octets, no type
 */
export function formOps(contentType: string | undefined, body: Buffer): FormOps | undefined {
  const type = contentType ?? '';
  if (/^application\/x-www-form-urlencoded[ \t]*(?:;|$)/.test(type)) {
    const text = body.toString('latin1');
    return { ops: opValues(text), isDoubtful: hidesOp(text) };
  }
  if (/^multipart\/form-data[ \t]*;/.test(type)) return multipartOps(type, body.toString('latin1'));
  // In capitals it is a form for Django 4.2 and none for 3.2; with U+0085 behind it, which Python strips, for both.
  return /form-(?:data|urlencoded)/i.test(type) ? doubtful : undefined;
}

/** A type of which one reads the parameters right without minding quotes. */
const plainType = /^multipart\/form-data(?:[ \t]*;[ \t]*[\w-]+=(?:"[^"\\;]*"|[^"\\;\s]+))*[ \t]*$/;

/** What a boundary may be (RFC 2046 §5.1.1), quoted or not. */
const boundaryForm = /;[ \t]*boundary=(?:"([^"\\]{1,70})"|([\w'()+,./:=?-]{1,70}))[ \t]*(?:;|$)/i;

/** Django reads no more than 1000 fields (`DATA_UPLOAD_MAX_NUMBER_FIELDS`). */
const maxPieces = 1002;

/** Within how many bytes of a part's start Django 3.2 and 4.2 look for the end of its head. */
const maxPartHead = 1024;

/** A part's name as every client writes it, in quotes, and the file name if it has one. */
const plainDisposition =
  /^content-disposition:[ \t]*form-data;[ \t]*name="([^"\\]*)"(?:;[ \t]*filename="([^"\\]*)")?$/i;

/** Any other line of a part's head: ASCII, because Python strips more than spaces from a line. */
const plainLine = /^[A-Za-z0-9-]+:[\t -~]*$/;

/**
 * Finds `op` in a multipart form. Django is lenient about how a part is written; this is strict, and calls doubtful what is
 * not written in the usual way.
 */
function multipartOps(contentType: string, body: string): FormOps {
  if (!plainType.test(contentType)) return doubtful;
  const match = boundaryForm.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined || contentType.toLowerCase().split('boundary').length !== 2) return doubtful;
  const pieces = body.split(`--${boundary}`, maxPieces);
  if (pieces.length < 2 || pieces[0] !== '' || !/^--\s*$/.test(pieces.at(-1) ?? '')) return doubtful;

  const ops: string[] = [];
  for (const piece of pieces.slice(1, -1)) {
    const headEnd = piece.indexOf('\r\n\r\n');
    if (!piece.startsWith('\r\n') || headEnd === -1 || headEnd + 4 > maxPartHead || !piece.endsWith('\r\n')) {
      return doubtful;
    }
    const head = readHead(piece.slice(2, headEnd));
    if (head === undefined) return doubtful;
    if (head === 'op') ops.push(piece.slice(headEnd + 4, -2));
  }
  return { ops, isDoubtful: false };
}

/** @returns whether the part is the field `op` or another one; `undefined` where readers could differ about that */
function readHead(head: string): 'op' | 'other' | undefined {
  let disposition: RegExpExecArray | undefined;
  let isEncoded = false;
  for (const line of head.split('\r\n')) {
    const found = plainDisposition.exec(line);
    if (found === null) {
      if (!plainLine.test(line) || /^content-disposition/i.test(line)) return undefined;
      isEncoded ||= /^content-transfer-encoding/i.test(line) && !/: ?(?:7bit|8bit|binary)$/i.test(line);
    } else if (disposition === undefined) disposition = found;
    else return undefined;
  }
  if (disposition === undefined || !/^[ -~\x80-\xff]*$/.test(disposition[0])) return undefined;
  const [, name = '', filename] = disposition;
  if (name === 'op') {
    // Base64 in a field is decoded. An empty file name makes no file, so that the part is a field all the same.
    if (isEncoded || filename === '') return undefined;
    return filename === undefined ? 'op' : 'other';
  }
  // Django cuts white space; other readers undo percent-encoding (HTML, "multipart form data").
  return /^(?:[\s\x80-\xff]|%[0-9a-f]{2})*(?:o|%6f)(?:p|%70)(?:[\s\x80-\xff]|%[0-9a-f]{2})*$/i.test(name)
    ? undefined
    : 'other';
}

const doubtful: FormOps = { ops: [], isDoubtful: true };

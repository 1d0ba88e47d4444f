import type { FormOps } from '../operations/operation.ts';

/** A type whose parameters can be parsed without regard to quotes. */
const plainType = /^multipart\/form-data(?:[ \t]*;[ \t]*[\w-]+=(?:"[^"\\;]*"|[^"\\;\s]+))*[ \t]*$/;

/** The allowed boundaries (RFC 2046 §5.1.1), quoted or not. */
const boundaryForm = /;[ \t]*boundary=(?:"([^"\\]{1,70})"|([\w'()+,./:=?-]{1,70}))[ \t]*(?:;|$)/i;

/** Django reads no more than 1000 fields (`DATA_UPLOAD_MAX_NUMBER_FIELDS`). */
const maxParts = 1_000;

/** Django 3.2 and 4.2 look for the end of a part's headers within so many bytes of its start. */
const maxPartHead = 1024;

/** The longest op, bytes; MAAS's longest has 30. */
const maxOp = 256;

/** A part's name as every client writes it, in quotes, with the file name if it has one. */
const plainDisposition =
  /^content-disposition:[ \t]*form-data;[ \t]*name="([^"\\]*)"(?:;[ \t]*filename="([^"\\]*)")?$/i;

/** Any other header line of a part: ASCII, because Python strips more than spaces from a line. */
const plainLine = /^[A-Za-z0-9-]+:[\t -~]*$/;

const doubtful: FormOps = { ops: [], isAmbiguous: true };

/**
 * Finds `op` in a multipart form. Django is lenient about how a part is written; this parser is strict, and calls
 * unusual forms ambiguous. The content of other parts is skipped without being copied.
 */
export function multipartOps(contentType: string, body: Buffer): FormOps {
  if (!plainType.test(contentType)) return doubtful;
  const match = boundaryForm.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined || contentType.toLowerCase().split('boundary').length !== 2) return doubtful;
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  if (!body.subarray(0, delimiter.length).equals(delimiter)) return doubtful;

  const ops: string[] = [];
  let start = delimiter.length;
  for (let parts = 0; parts <= maxParts; parts += 1) {
    const end = body.indexOf(delimiter, start);
    if (end === -1) return isEnd(body, start) ? { ops, isAmbiguous: false } : doubtful;
    const part = body.subarray(start, end);
    const headEnd = part.subarray(0, maxPartHead).indexOf('\r\n\r\n');
    if (headEnd < 2 || part[0] !== cr || part[1] !== lf || part.at(-2) !== cr || part.at(-1) !== lf) return doubtful;
    const name = readHead(part.toString('latin1', 2, headEnd));
    if (name === undefined) return doubtful;
    if (name === 'op') {
      const value = part.subarray(headEnd + 4, Math.max(headEnd + 4, part.length - 2));
      if (value.length > maxOp) return doubtful;
      ops.push(value.toString('latin1'));
    }
    start = end + delimiter.length;
  }
  return doubtful;
}

const [cr, lf] = [0x0d, 0x0a];

/** Whether only `--` and white space follow the last delimiter, and not more white space than a client would write. */
function isEnd(body: Buffer, start: number): boolean {
  return body.length - start <= maxPartHead && /^--\s*$/.test(body.toString('latin1', start));
}

/** @returns whether the part is the field `op` or another one; `undefined` if readers could differ about that */
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
    // Base64 in a field is decoded. An empty file name makes no file, so the part is a field.
    if (isEncoded || filename === '') return undefined;
    return filename === undefined ? 'op' : 'other';
  }
  return couldBeOp(name) ? undefined : 'other';
}

/** Parts of a name that readers may drop or decode. */
const cutOrOp = /^(?:[\s\x80-\xffop]|%[0-9a-f]{2})*$/;

/**
 * Whether a name becomes `op` for readers that strip white space, as Django does, or decode percent-encoding (HTML,
 * "multipart form data"). It takes several linear steps: one regular expression would take quadratic time for each of a
 * thousand parts.
 */
function couldBeOp(written: string): boolean {
  const name = written.toLowerCase();
  if (!cutOrOp.test(name)) return false;
  if (name.length > maxOp) return true;
  // O and P for the letters themselves; o and p for escapes, which readers may also drop.
  const classes = name.replaceAll(/%[0-9a-f]{2}|[^]/g, (piece) => {
    if (piece === 'o' || piece === 'p') return piece.toUpperCase();
    return piece === '%6f' ? 'o' : piece === '%70' ? 'p' : ' ';
  });
  const first = classes.search(/[OP]/);
  if (first === -1) return classes.includes('op');
  const start = classes[first] === 'O' ? first : Math.max(0, first - 1);
  return /^[Oo][Pp]$/.test(classes.slice(start, start + 2)) && !/[OP]/.test(classes.slice(start + 2));
}

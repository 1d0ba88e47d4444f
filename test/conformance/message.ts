// Reads what went over a wire: lenient about where a message ends, strict about what is wrong with it.

/** A field line: name and value. */
export type Field = readonly [name: string, value: string];

/** The start of a message, and what is wrong with it. */
export interface Head {
  readonly startLine: string;
  readonly fields: readonly Field[];
  readonly faults: readonly string[];
  /** Where the body begins. */
  readonly end: number;
}

/** A body, and whether all of it is there. */
export interface Body {
  readonly text: string;
  readonly complete: boolean;
  readonly faults: readonly string[];
  readonly end: number;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Whether there is a control character in it that no field value may hold: any but HTAB (RFC 9110 §5.5). */
function holdsControl(value: string): boolean {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}

/** Reads start line and header section; `undefined` while they are not whole. */
export function readHead(bytes: string, from: number): Head | undefined {
  const blank = /\r?\n\r?\n/g;
  blank.lastIndex = from;
  const match = blank.exec(bytes);
  if (match === null) return undefined;
  const section = bytes.slice(from, match.index);
  const faults: string[] = [];
  if (/(?:^|[^\r])\n/.test(`${section}${match[0]}`)) faults.push('a bare LF');
  if (/\r(?!\n)/.test(`${section}${match[0]}`)) faults.push('a bare CR');
  const [startLine = '', ...lines] = section.split(/\r?\n/);
  const fields: Field[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/g, '');
    if (/^[ \t]/.test(line)) faults.push('a folded line');
    else if (!token.test(name)) faults.push(`the field name ${JSON.stringify(name)}`);
    if (holdsControl(value)) faults.push(`a control character in ${name}`);
    fields.push([name, value]);
  }
  return { startLine, fields, faults, end: match.index + match[0].length };
}

/** The values of all fields with this name. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** Reads a body of known length. */
export function readLength(bytes: string, from: number, length: number): Body {
  const text = bytes.slice(from, from + length);
  return { text, complete: text.length === length, faults: [], end: from + text.length };
}

/** Reads a chunked body with its trailer section (RFC 9112 §7.1). */
export function readChunked(bytes: string, from: number): Body {
  let at = from;
  let text = '';
  const broken = (...faults: string[]): Body => ({ text, complete: false, faults, end: bytes.length });
  for (;;) {
    const lineEnd = bytes.indexOf('\n', at);
    if (lineEnd === -1) return broken();
    const [, digits] = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;[^\r\n]*)?\r$/.exec(bytes.slice(at, lineEnd)) ?? [];
    if (digits === undefined) return broken('a chunk size that is none');
    at = lineEnd + 1;
    const size = Number.parseInt(digits, 16);
    if (size === 0) break;
    text += bytes.slice(at, at + size);
    if (bytes.length < at + size + 2) return broken();
    if (bytes.slice(at + size, at + size + 2) !== '\r\n') return broken('a chunk longer than its size');
    at += size + 2;
  }
  if (bytes.startsWith('\r\n', at)) return { text, complete: true, faults: [], end: at + 2 };
  const trailers = readHead(bytes, at);
  if (trailers === undefined) return broken();
  return { text, complete: true, faults: trailers.faults, end: trailers.end };
}

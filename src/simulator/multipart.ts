// multipart/form-data, parsed as leniently as Django does.
import { add, percentDecode, type Fields } from './fields.ts';

export interface Multipart {
  fields: Fields;
  files: Map<string, { filename: string; content: Buffer }>;
}

/**
 * The parameters of a header such as `form-data; name="op"`; quotes are optional, and RFC 2231's `name*=utf-8''op` is
 * read too.
 */
function parameters(header: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, key = '', quoted, bare = ''] of header.matchAll(
    /;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g,
  )) {
    const value = quoted === undefined ? bare : quoted.replaceAll(/\\(.)/g, '$1');
    const name = key.toLowerCase();
    if (name.endsWith('*')) found.set(name.slice(0, -1), percentDecode(value.replace(/^[^']*'[^']*'/, '')));
    else found.set(name, value);
  }
  return found;
}

/**
 * Parses a complete body; undefined if the content type has no boundary. A part with a filename is a file, never a
 * field.
 */
export function multipart(contentType: string, body: Buffer): Multipart | undefined {
  const boundary = parameters(contentType).get('boundary');
  if (!boundary) return undefined;
  const result: Multipart = { fields: new Map(), files: new Map() };
  const delimiter = `\r\n--${boundary}`;
  // The first delimiter has no line break before it, so one is added.
  const text = Buffer.concat([Buffer.from('\r\n'), body]);
  let start = text.indexOf(delimiter);
  while (start >= 0) {
    const next = text.indexOf(delimiter, start + delimiter.length);
    const part = text.subarray(start + delimiter.length, next < 0 ? text.length : next);
    start = next;
    const headerEnd = part.indexOf('\r\n\r\n');
    if (part.subarray(0, 2).toString() === '--' || headerEnd < 0) continue;
    const disposition = /^content-disposition:(.*)$/im.exec(part.subarray(0, headerEnd).toString('utf8'));
    const found = parameters(`${disposition?.[1] ?? ''}`);
    const name = found.get('name');
    const content = part.subarray(headerEnd + 4);
    const filename = found.get('filename');
    if (name === undefined) continue;
    if (filename === undefined) add(result.fields, name, content.toString('utf8'));
    else result.files.set(name, { filename, content });
  }
  return result;
}

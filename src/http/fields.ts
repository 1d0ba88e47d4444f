/** Header fields as a flat list of names and values, in the order in which they came (as Node's `rawHeaders`). */
export type Fields = readonly string[];

/** Calls `visit` for each field. @param visit gets the name as it came, its value, and the name in lower case */
export function forEachField(fields: Fields, visit: (name: string, value: string, lower: string) => void): void {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    visit(name, fields[index + 1] as string, name.toLowerCase());
  }
}

/** The values of all fields of a name, in their order. @param name in lower case */
export function fieldValues(fields: Fields, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const own = fields[index] as string;
    // undici leaves the white space after a value, which is not part of it (RFC 9112 §5).
    if (own.length === name.length && own.toLowerCase() === name) values.push((fields[index + 1] as string).trimEnd());
  }
  return values;
}

/** The value of a field, of several the first; `undefined` if there is none. @param name in lower case */
export function fieldOf(fields: Fields, name: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    const own = fields[index] as string;
    if (own.length === name.length && own.toLowerCase() === name) return (fields[index + 1] as string).trimEnd();
  }
  return undefined;
}

/** The fields without certain names. @param isDropped called with each name in lower case */
export function withoutFields(fields: Fields, isDropped: (lower: string) => boolean): string[] {
  const left: string[] = [];
  forEachField(fields, (name, value, lower) => {
    if (!isDropped(lower)) left.push(name, value);
  });
  return left;
}

/** The fields as lines, each with its CRLF. */
export function fieldLines(fields: Fields): string {
  let lines = '';
  for (let index = 0; index < fields.length; index += 2) lines += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return lines;
}

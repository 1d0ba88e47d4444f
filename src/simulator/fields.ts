// Names and values from queries, forms, multipart bodies and JSON, parsed as Django parses them.

/** Values by name, in the order in which they were sent. */
export type Fields = Map<string, string[]>;

/** The last value counts, as in Django's QueryDict. */
export const last = (fields: Fields, name: string): string | undefined => fields.get(name)?.at(-1);

/** Percent-decoding that never fails: invalid escapes stay as they are, invalid UTF-8 becomes U+FFFD. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  // Node decodes request targets as latin1, so each character is one byte.
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

export function add(fields: Fields, name: string, value: string): void {
  const values = fields.get(name);
  if (values) values.push(value);
  else fields.set(name, [value]);
}

/** `a=1&b=2`; `;` does not separate (MAAS 3.7.3, seen). */
export function urlencoded(text: string): Fields {
  const fields: Fields = new Map();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    add(fields, percentDecode(name.replaceAll('+', ' ')), percentDecode(value.replaceAll('+', ' ')));
  }
  return fields;
}

const asText = (item: unknown): string => (typeof item === 'string' ? item : JSON.stringify(item));

/** A JSON object as fields: MAAS's forms read each value as text. Undefined if it is not an object. */
export function jsonFields(text: string): Fields | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return new Map(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([name, item]: [string, unknown]) => [name, Array.isArray(item) ? item.map(asText) : [asText(item)]]),
  );
}

/** How many values there are: Django refuses more than 1000. */
export function count(fields: Fields): number {
  let sum = 0;
  for (const values of fields.values()) sum += values.length;
  return sum;
}

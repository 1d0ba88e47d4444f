import { randomUUID } from 'node:crypto';

/** Why a JSON body cannot be converted to a form. */
export type JsonFormFault = 'not-json' | 'not-an-object' | 'too-large' | 'too-deep';

/** The largest JSON that is converted to a form, bytes. */
export const maxJson = 2 * 1024 * 1024;

/**
 * The bounds on values and brackets, and on nesting. MAAS accepts 1,000 fields, and Python parses JSON some 1,000 deep.
 * Without a bound, one body of 10 MB would block the event loop, and so all clients, for 17 s.
 */
const most = { parts: 5_000, depth: 500 };

/**
 * Converts a JSON object to the equivalent form: an array becomes a repeated field, `true` and numbers their text,
 * `null` is left out, and an object becomes one field with its JSON text. Numbers keep the digits that were sent.
 *
 * @param json the body, UTF-8
 * @returns a body of `application/x-www-form-urlencoded`
 */
export function jsonToForm(json: Uint8Array): string | { readonly fault: JsonFormFault } {
  if (json.length > maxJson) return { fault: 'too-large' };
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    JSON.parse(text);
    const fault = findExcess(text);
    if (fault !== undefined) return { fault };
    value = parseKeepingDigits(text);
  } catch {
    return { fault: 'not-json' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { fault: 'not-an-object' };
  const form = new URLSearchParams();
  for (const [name, member] of Object.entries(value)) {
    for (const item of Array.isArray(member) ? (member as unknown[]) : [member]) {
      if (item !== null) form.append(name, fieldText(item));
    }
  }
  return form.toString();
}

/**
 * Marks a string that has a number's digits. It is random at each start, so that no client's string can begin with it.
 */
const mark = randomUUID();
const markedNumber = new RegExp(`"${mark}(-?\\d[\\d.eE+-]*)"`, 'g');

/** Whether valid JSON exceeds the bounds; counting stops there. */
function findExcess(text: string): 'too-large' | 'too-deep' | undefined {
  let parts = 0;
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[,[{\]}]/g)) {
    if (token === '[' || token === '{') {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (token === ']' || token === '}') depth -= 1;
    if (token === '[' || token === '{' || token === ',') parts += 1;
    if (parts > most.parts) return 'too-large';
  }
  return deepest > most.depth ? 'too-deep' : undefined;
}

/**
 * Parses valid JSON, but numbers become their digits after the mark: 9007199254740993 and 1.0 would change otherwise.
 */
function parseKeepingDigits(text: string): unknown {
  const marked = text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : `"${mark}${token}"`,
  );
  return JSON.parse(marked);
}

function fieldText(item: unknown): string {
  if (typeof item === 'string') return item.startsWith(mark) ? item.slice(mark.length) : item;
  if (typeof item === 'boolean') return String(item);
  return JSON.stringify(item).replaceAll(markedNumber, '$1');
}

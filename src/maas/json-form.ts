import { randomUUID } from 'node:crypto';

/** Why a JSON body cannot be made a form. */
export type JsonFormFault = 'not-json' | 'not-an-object';

/**
 * Turns a JSON object into the form that MAAS reads in its place: an array becomes a repeated field, `true` and numbers
 * their text, `null` is left out, an object its JSON text as one field. Numbers keep the digits that were sent.
 *
 * @param json the body, UTF-8
 * @returns a body of `application/x-www-form-urlencoded`
 */
export function jsonToForm(json: Uint8Array): string | { readonly fault: JsonFormFault } {
  let value: unknown;
  try {
    value = parseKeepingDigits(new TextDecoder('utf-8', { fatal: true }).decode(json));
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

/** Marks a string as a number's digits. It is made anew at each start, so that no client's string can begin with it. */
const mark = randomUUID();
const markedNumber = new RegExp(`"${mark}(-?\\d[\\d.eE+-]*)"`, 'g');

/** `JSON.parse`, but a number comes as its digits behind the mark: 9007199254740993 and 1.0 would not survive otherwise. */
function parseKeepingDigits(text: string): unknown {
  JSON.parse(text);
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

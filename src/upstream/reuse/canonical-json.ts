/** Longer texts are not made canonical, bytes: 1 MiB takes 20 to 40 ms of the event loop. */
const maxLength = 1024 * 1024;

/** Nor are texts that are nested deeper. */
const maxDepth = 256;

/** An object or array that is not closed yet. */
interface Open {
  readonly isObject: boolean;
  readonly members: string[];
  readonly names: Set<string>;
  name: string;
}

const token = /[ \t\r\n]*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|([-+.\w]+)|$)/sy;

/**
 * JSON with the members of each object sorted by name and without white space: MAAS's workers write the same object in
 * different orders. Two texts become equal only if they differ in nothing else: names, strings and numbers stay as they
 * are written.
 *
 * @returns `undefined` for a text that is no JSON, has a duplicate name in one object (readers differ about that), is
 *   too long or nested too deep
 */
export function canonicalJson(text: string): string | undefined {
  if (text.length > maxLength) return undefined;
  const open: Open[] = [];
  let document: string | undefined;
  /** What may follow: a value, a name, a colon, a comma or an end. */
  let wants = 'value' as 'value' | 'name' | 'colon' | 'comma';
  let mayEnd = false;
  token.lastIndex = 0;

  function take(value: string): void {
    const last = open.at(-1);
    if (last === undefined) document = value;
    else last.members.push(last.isObject ? `${last.name}:${value}` : value);
    wants = 'comma';
    mayEnd = true;
  }

  for (;;) {
    const match = token.exec(text);
    if (match === null) return undefined;
    const [, sign, string, word] = match;
    const last = open.at(-1);
    if (sign === undefined && string === undefined && word === undefined) return document;
    if (document !== undefined) return undefined;
    if (sign === '{' || sign === '[') {
      if (wants !== 'value' || open.length === maxDepth) return undefined;
      open.push({ isObject: sign === '{', members: [], names: new Set(), name: '' });
      wants = sign === '{' ? 'name' : 'value';
      mayEnd = true;
    } else if (sign === '}' || sign === ']') {
      if (last === undefined || last.isObject !== (sign === '}') || !mayEnd) return undefined;
      open.pop();
      take(last.isObject ? `{${last.members.toSorted().join(',')}}` : `[${last.members.join(',')}]`);
    } else if (sign === ',') {
      if (wants !== 'comma' || last === undefined) return undefined;
      wants = last.isObject ? 'name' : 'value';
      mayEnd = false;
    } else if (sign === ':') {
      if (wants !== 'colon') return undefined;
      wants = 'value';
    } else if (wants === 'name') {
      if (string === undefined || last === undefined || last.names.has(string)) return undefined;
      last.names.add(string);
      last.name = string;
      wants = 'colon';
      mayEnd = false;
    } else {
      if (wants !== 'value') return undefined;
      take((string ?? word) as string);
    }
  }
}

// Positions in a JSON text. `JSON.parse` reports neither the line of an error in the same way in all versions of Node,
// nor the line of a value.

/** The first error in a JSON text. */
export interface JsonFault {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong, in words: `a comma is missing before it`. */
  readonly what: string;
}

/**
 * Finds the first error in a JSON text (RFC 8259). @returns `undefined` if there is none, or the text is nested too
 * deep
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const fault = walk(text, () => undefined);
  if (fault === undefined) return undefined;
  const before = text.slice(0, fault.at);
  return {
    line: lineAt(text, fault.at),
    column: fault.at - before.lastIndexOf('\n'),
    what: fault.what,
  };
}

/**
 * Finds the lines in which values of a JSON text begin, for members of objects the lines of their names:
 * `lineOf('clients', 1, 'expires')`.
 *
 * @returns gives the line of a value, from 1; for an unknown value that of the innermost known one
 */
export function jsonLines(text: string): (...path: readonly (string | number)[]) => number {
  const starts = new Map<string, number>();
  walk(text, (path, at) => {
    if (path.length <= deepest) starts.set(path.join('\n'), at);
  });
  return (...path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const at = starts.get(path.slice(0, length).join('\n'));
      if (at !== undefined) return lineAt(text, at);
    }
    return 1;
  };
}

/** How deeply nested values are indexed: to the members of an entry of a list. */
const deepest = 3;

/** The deepest nesting that is read. */
const mostNested = 200;

interface Fault {
  readonly at: number;
  readonly what: string;
}

const space = /[ \t\r\n]*/y;
const string = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;

/** Reads a text, and reports where each value begins; for a member of an object, where its name begins. */
function walk(text: string, onValue: (path: readonly (string | number)[], at: number) => void): Fault | undefined {
  let at = 0;

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  }

  function next(): string | undefined {
    take(space);
    return text[at];
  }

  function fault(what?: string): Fault {
    const found = text[at];
    if (found === undefined) return { at, what: 'it ends there, and more should follow' };
    if (what !== undefined) return { at, what };
    if (found === "'") return { at, what: 'names and texts stand in double quotes' };
    if (found === '/' || found === '#') return { at, what: 'JSON has no comments' };
    return { at, what: found === '"' ? 'a text that is not closed in its line' : 'something that is no JSON' };
  }

  function value(path: readonly (string | number)[]): Fault | undefined {
    const first = next();
    if (path.length > mostNested) return undefined;
    if (first === '{') return list('}', () => member(path));
    if (first === '[') {
      let index = 0;
      return list(']', () => {
        const inner = [...path, index];
        index += 1;
        onValue(inner, at);
        return value(inner);
      });
    }
    return (take(first === '"' ? string : scalar) ?? '') === '' ? fault() : undefined;
  }

  function member(path: readonly (string | number)[]): Fault | undefined {
    const start = at;
    const name = take(string);
    if (name === undefined) return fault(text[at] === '"' ? undefined : 'a name in double quotes should stand there');
    const inner = [...path, JSON.parse(name) as string];
    onValue(inner, start);
    if (next() !== ':') return fault('a colon is missing before it');
    at += 1;
    return value(inner);
  }

  function list(end: string, item: () => Fault | undefined): Fault | undefined {
    at += 1;
    if (next() === end) {
      at += 1;
      return undefined;
    }
    for (;;) {
      next();
      const wrong = item();
      if (wrong !== undefined) return wrong;
      const found = next();
      at += 1;
      if (found === end) return undefined;
      at -= 1;
      if (found !== ',') return fault(found === '"' || found === '{' ? 'a comma is missing before it' : undefined);
      const comma = at;
      at += 1;
      if (next() === end) return { at: comma, what: 'a comma too much' };
    }
  }

  const wrong = value([]);
  if (wrong !== undefined) return wrong;
  return next() === undefined ? undefined : fault('it should end before that');
}

function lineAt(text: string, at: number): number {
  let line = 1;
  for (let end = text.indexOf('\n'); end !== -1 && end < at; end = text.indexOf('\n', end + 1)) line += 1;
  return line;
}

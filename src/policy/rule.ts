import type { Operation } from '../maas/operations/operation.ts';
import { nearest } from '../spelling/nearest.ts';

/** One line of a policy. */
export interface Rule {
  /** As it was written: `deny * account/ *`. */
  readonly text: string;
  readonly allows: boolean;
  /** `*` for any. */
  readonly method: string;
  /** The path's segments: `*` matches one segment, or one identifier of MAAS's; `**` any number of segments. */
  readonly segments: readonly string[];
  /** `undefined` or `*` for any, `-` for none: a plain create, read, update or delete. */
  readonly op: string | undefined;
  /** A value that a parameter of the query must have. */
  readonly parameter: { readonly name: string; readonly value: string } | undefined;
}

/** Says what is wrong with a rule. */
export class RuleError extends Error {
  override name = 'RuleError';
}

/**
 * Reads a rule: `[allow|deny] METHOD path [op] [name=value]`, such as `GET **`, `POST machines/* deploy`,
 * `deny * account/ *`. A rule without `allow` or `deny` allows. `{system_id}` is `*`, as in the names of operations, and
 * an `op-…` at the path's end is the op, as in addresses.
 *
 * @throws {RuleError} what is wrong, and what would be right
 */
export function parseRule(text: string): Rule {
  const words = text.trim().split(/\s+/);
  const verb = words[0] === 'allow' || words[0] === 'deny' ? words.shift() : 'allow';
  const condition = words.length > 2 && words.at(-1)?.includes('=') === true ? words.pop() : undefined;
  const [method = '', path = '', written, ...further] = words;
  if (path === '' || further.length > 0) {
    throw new RuleError(`"${text}" is no rule: write METHOD path [op], for example "POST machines/* deploy"`);
  }
  if (!methods.has(method)) {
    const meant = nearest(method, ['allow', 'deny', ...methods]);
    throw new RuleError(
      `"${text}" must begin with "allow", "deny" or a method (${[...methods].join(', ')}), in these letters` +
        (meant === undefined ? '' : ` (did you mean "${meant}"?)`),
    );
  }
  const { segments, op } = readOp(readPath(path, text), written, text);
  return {
    text: text.trim(),
    allows: verb === 'allow',
    method,
    segments,
    op,
    parameter: condition === undefined ? undefined : readCondition(condition, method, text),
  };
}

/** An unknown method is a typing error: `DENY POST machines/` would refuse nothing. */
const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', '*']);

function readPath(path: string, text: string): string[] {
  if (path.includes('%') || path.includes('?')) {
    throw new RuleError(`"${text}" must name a plain path without "%" and "?"; the op is a word of its own`);
  }
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.some((segment) => segment.includes('*') && segment !== '*' && segment !== '**')) {
    throw new RuleError(`"${text}" has a "*" inside a name; it stands for a whole segment of the path`);
  }
  if (segments.some((segment) => /[{}]/.test(segment) && !placeholder.test(segment))) {
    throw new RuleError(
      `"${text}" has a "{" or "}" inside a name; {…} stands for a whole segment of the path, as "*" does`,
    );
  }
  if (segments[0] === 'MAAS' || (segments[0] === 'api' && segments[1] === '2.0')) {
    throw new RuleError(`"${text}" must name the path below /MAAS/api/2.0/, such as machines/*`);
  }
  return segments.map((segment) => (placeholder.test(segment) ? '*' : segment));
}

/** Accepts the form of MAAS's documentation, the log and `explain` too: `machines/{system_id}`. */
const placeholder = /^\{[^{}]*\}$/;

function readOp(segments: string[], op: string | undefined, text: string): Pick<Rule, 'segments' | 'op'> {
  const last = segments.at(-1);
  if (segments.length < 2 || last?.startsWith('op-') !== true) return { segments, op };
  const inPath = last.slice(3);
  if (op !== undefined && op !== inPath) throw new RuleError(`"${text}" names two ops, ${inPath} and ${op}; name one`);
  return { segments: segments.slice(0, -1), op: inPath };
}

function readCondition(condition: string, method: string, text: string): Rule['parameter'] {
  const equals = condition.indexOf('=');
  const name = condition.slice(0, equals);
  if (name === 'op') {
    throw new RuleError(`"${text}" must name the op as a word alone, without "op="; it need not stand in the query`);
  }
  // For other methods MAAS reads the parameters from the body.
  if (name === '' || method !== 'GET') {
    throw new RuleError(`"${text}" has a condition on a parameter of the query, which only a rule for GET can have`);
  }
  return { name, value: condition.slice(equals + 1) };
}

/**
 * Whether a rule matches a method and a path, with any op.
 *
 * @param paths the ways in which the path may be written
 */
export function coversPath(rule: Rule, method: string, paths: readonly (readonly string[])[]): boolean {
  if (rule.method !== '*' && rule.method !== method) return false;
  for (const segments of paths) if (matchSegments(rule.segments, segments)) return true;
  return false;
}

/** Whether the rule's decision depends on the op. */
export function dependsOnOp({ op }: Rule): boolean {
  return op !== undefined && op !== '*';
}

/**
 * Whether a rule matches an operation.
 *
 * @param paths the ways in which the operation's path may be written
 * @param values the values of a parameter in the query
 */
export function matches(
  rule: Rule,
  operation: Operation,
  paths: readonly (readonly string[])[],
  values: (name: string) => readonly string[],
): boolean {
  if (!coversPath(rule, operation.method, paths)) return false;
  if (dependsOnOp(rule) && (rule.op === '-' ? undefined : rule.op) !== operation.op) return false;
  if (rule.parameter === undefined) return true;
  const { name, value } = rule.parameter;
  const found = values(name);
  // If a parameter has several values, one is enough to refuse, and all must match to allow.
  return rule.allows ? found.length > 0 && found.every((one) => one === value) : found.includes(value);
}

/** Matches with backtracking to the last `**` only: a long path must not take quadratic time. */
function matchSegments(pattern: readonly string[], segments: readonly string[]): boolean {
  const [first] = pattern;
  // Most rules speak of another collection.
  if (first !== segments[0] && first !== '*' && first !== '**') return false;
  let at = 0;
  let retry: { pattern: number; segment: number } | undefined;
  for (let index = 0; index < segments.length;) {
    const expected = pattern[at];
    if (expected === '**') {
      at += 1;
      retry = { pattern: at, segment: index };
    } else if (expected !== undefined && (expected === '*' || expected === segments[index])) {
      at += 1;
      index += 1;
    } else if (retry === undefined) {
      return false;
    } else {
      retry.segment += 1;
      at = retry.pattern;
      index = retry.segment;
    }
  }
  return pattern.slice(at).every((rest) => rest === '**');
}

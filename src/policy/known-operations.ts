import { knownOperations, type KnownOperation } from '../maas/operations/route.ts';
import { nearest } from '../spelling/nearest.ts';
import type { Policy } from './policy.ts';
import type { Rule } from './rule.ts';

/** Whether a rule can match an operation of MAAS's, whatever the identifiers in its path are. */
export function matchesAnything(rule: Rule): boolean {
  // MAAS responds to the other methods with 405: a rule for one is not a typing error.
  const isOfMaas = rule.method === '*' || knownOperations.some(({ method }) => method === rule.method);
  return knownOperations.some(
    (known) =>
      (!isOfMaas || rule.method === '*' || rule.method === known.method) &&
      hasOp(rule, known) &&
      leadsTo(rule.segments, known),
  );
}

/**
 * Explains that a rule matches no operation of MAAS, and which operation was probably meant; without a full stop.
 * `undefined` for every other rule.
 */
export function explainIdleRule(rule: Rule): string | undefined {
  if (matchesAnything(rule)) return undefined;
  const probable = nearestOperation(rule.method, rule.segments, rule.op);
  const hint = probable === undefined ? '' : ` (did you mean "${rule.allows ? '' : 'deny '}${probable}"?)`;
  return rule.allows
    ? `"${rule.text}" matches no operation that is known of MAAS, so that it allows nothing, unless MAAS is newer${hint}`
    : `"${rule.text}" matches no operation that is known of MAAS, so that it refuses nothing${hint}`;
}

/** The sentences about all rules of a policy that match nothing. @param subject the beginning of each */
export function explainIdleRules({ rules }: Policy, subject: string): string[] {
  return rules.flatMap((rule) => {
    const sentence = explainIdleRule(rule);
    return sentence === undefined ? [] : [`${subject} has a rule in vain: ${sentence}.`];
  });
}

/**
 * The operation that was probably meant by one that MAAS does not have: `POST machines/{system_id} deploy`; `undefined`
 * if none is similar.
 *
 * @param method `*` for any
 * @param segments of a path, or of a rule, with `*` and `**`
 * @param op `undefined` or `*` for any, `-` for none
 */
export function nearestOperation(
  method: string,
  segments: readonly string[],
  op: string | undefined,
): string | undefined {
  const wantedOp = op === '*' ? undefined : op;
  const there = knownOperations.filter((known) => leadsTo(segments, known));
  if (there.length > 0) {
    const found = nearestThere(there, method, wantedOp);
    // Of many paths none is more likely than another.
    const isOfMany = segments.includes('**') && found?.method === method && found.op !== undefined;
    return isOfMany
      ? `${method} ${segments.join('/')} ${found.op}`
      : (below(segments, method, wantedOp) ?? found?.name);
  }
  // A segment may have been written in place of an op: `machines/*/deploy`.
  const probable = new Map<string, KnownOperation>();
  for (const known of knownOperations) {
    const path = fill(known.segments, segments);
    for (const text of wantedOp === undefined && known.op !== undefined ? [path, `${path}/${known.op}`] : [path]) {
      if (!probable.has(text)) probable.set(text, known);
    }
  }
  const written = segments.filter((segment) => segment !== '**').join('/');
  const text = nearest(written, probable.keys());
  const known = text === undefined ? undefined : probable.get(text);
  if (known === undefined || text === undefined) return undefined;
  if (known.op !== undefined && text.endsWith(`/${known.op}`)) return known.name;
  const same = knownOperations.filter((other) => other.segments.join('/') === known.segments.join('/'));
  return nearestThere(same, method, wantedOp)?.name ?? `${method} ${known.segments.join('/')}`;
}

/** `DELETE subnets` means each of them, if MAAS cannot delete them together. */
function below(segments: readonly string[], method: string, op: string | undefined): string | undefined {
  if (op !== undefined || segments.includes('**')) return undefined;
  return knownOperations.find(
    (known) => known.method === method && known.op === undefined && leadsTo([...segments, '*'], known),
  )?.name;
}

/** The operation of a path that was probably meant: the op may be mistyped, or the method wrong. */
function nearestThere(
  there: readonly KnownOperation[],
  method: string,
  op: string | undefined,
): KnownOperation | undefined {
  for (const choice of [there.filter((known) => method === '*' || known.method === method), there]) {
    const probable =
      op === undefined
        ? undefined
        : nearest(
            op,
            choice.map((known) => known.op ?? '-'),
          );
    const found = choice.find((known) => op === undefined || (known.op ?? '-') === probable);
    if (found !== undefined) return found;
  }
  return undefined;
}

function hasOp(rule: Rule, { op }: KnownOperation): boolean {
  return rule.op === undefined || rule.op === '*' || rule.op === (op ?? '-');
}

/** Whether a pattern matches some path of an operation. */
function leadsTo(pattern: readonly string[], { segments, isWide }: KnownOperation): boolean {
  const fits = (at: number, index: number): boolean => {
    const expected = pattern[at];
    const segment = segments[index];
    if (expected === undefined) return segment === undefined;
    if (expected === '**') return fits(at + 1, index) || (segment !== undefined && fits(at, index + 1));
    if (segment === undefined || (expected !== '*' && expected !== segment && !segment.startsWith('{'))) return false;
    const mayGoOn = isWide && index === segments.length - 1;
    return fits(at + 1, index + 1) || (mayGoOn && fits(at + 1, index));
  };
  return fits(0, 0);
}

/** An operation's path with the identifiers that were written. */
function fill(segments: readonly string[], written: readonly string[]): string {
  return segments
    .map((segment, at) => {
      const own = written[at];
      return segment.startsWith('{') ? (own === undefined || own === '**' ? '*' : own) : segment;
    })
    .join('/');
}

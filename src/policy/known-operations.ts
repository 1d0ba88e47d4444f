import { knownOperations, type KnownOperation } from '../maas/operations/route.ts';
import { nearest } from '../spelling/nearest.ts';
import type { Policy } from './policy.ts';
import type { Rule } from './rule.ts';

/** Whether there is an operation of MAAS's that a rule can match, whatever the identifiers in its path are. */
export function matchesAnything(rule: Rule): boolean {
  // MAAS answers the other methods by 405: a rule for one is no mistyped word.
  const isOfMaas = rule.method === '*' || knownOperations.some(({ method }) => method === rule.method);
  return knownOperations.some(
    (known) =>
      (!isOfMaas || rule.method === '*' || rule.method === known.method) &&
      hasOp(rule, known) &&
      leadsTo(rule.segments, known),
  );
}

/**
 * Says of a rule that no operation of MAAS can match what that means, and which one may be meant; without a full stop.
 * `undefined` for every other rule.
 */
export function explainIdleRule(rule: Rule): string | undefined {
  if (matchesAnything(rule)) return undefined;
  const meant = nearestOperation(rule.method, rule.segments, rule.op);
  const hint = meant === undefined ? '' : ` (did you mean "${rule.allows ? '' : 'deny '}${meant}"?)`;
  return rule.allows
    ? `"${rule.text}" matches no operation that is known of MAAS, so that it allows nothing, unless MAAS is newer${hint}`
    : `"${rule.text}" matches no operation that is known of MAAS, so that it refuses nothing${hint}`;
}

/** The sentences about all rules of a policy that can match nothing. @param subject what stands before each */
export function explainIdleRules({ rules }: Policy, subject: string): string[] {
  return rules.flatMap((rule) => {
    const sentence = explainIdleRule(rule);
    return sentence === undefined ? [] : [`${subject} has a rule in vain: ${sentence}.`];
  });
}

/**
 * The operation that is perhaps meant by one that MAAS does not have: `POST machines/{system_id} deploy`; `undefined` where
 * none is near.
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
  const given = op === '*' ? undefined : op;
  const there = knownOperations.filter((known) => leadsTo(segments, known));
  if (there.length > 0) {
    const found = nearestThere(there, method, given);
    // Of many paths none is more likely than another.
    const isOfMany = segments.includes('**') && found?.method === method && found.op !== undefined;
    return isOfMany ? `${method} ${segments.join('/')} ${found.op}` : (below(segments, method, given) ?? found?.name);
  }
  // In the place of an op somebody may have written a segment: `machines/*/deploy`.
  const meant = new Map<string, KnownOperation>();
  for (const known of knownOperations) {
    const path = fill(known.segments, segments);
    for (const text of given === undefined && known.op !== undefined ? [path, `${path}/${known.op}`] : [path]) {
      if (!meant.has(text)) meant.set(text, known);
    }
  }
  const written = segments.filter((segment) => segment !== '**').join('/');
  const text = nearest(written, meant.keys());
  const known = text === undefined ? undefined : meant.get(text);
  if (known === undefined || text === undefined) return undefined;
  if (known.op !== undefined && text.endsWith(`/${known.op}`)) return known.name;
  const same = knownOperations.filter((other) => other.segments.join('/') === known.segments.join('/'));
  return nearestThere(same, method, given)?.name ?? `${method} ${known.segments.join('/')}`;
}

/** `DELETE subnets` is meant for each of them where they cannot be deleted together. */
function below(segments: readonly string[], method: string, op: string | undefined): string | undefined {
  if (op !== undefined || segments.includes('**')) return undefined;
  return knownOperations.find(
    (known) => known.method === method && known.op === undefined && leadsTo([...segments, '*'], known),
  )?.name;
}

/** Of the operations of a path the one that is meant: the op may be mistyped, or the method another. */
function nearestThere(
  there: readonly KnownOperation[],
  method: string,
  op: string | undefined,
): KnownOperation | undefined {
  for (const choice of [there.filter((known) => method === '*' || known.method === method), there]) {
    const meant =
      op === undefined
        ? undefined
        : nearest(
            op,
            choice.map((known) => known.op ?? '-'),
          );
    const found = choice.find((known) => op === undefined || (known.op ?? '-') === meant);
    if (found !== undefined) return found;
  }
  return undefined;
}

function hasOp(rule: Rule, { op }: KnownOperation): boolean {
  return rule.op === undefined || rule.op === '*' || rule.op === (op ?? '-');
}

/** Whether some path of an operation is among those that a pattern stands for. */
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

/** An operation's path with what was written in the places of its identifiers. */
function fill(segments: readonly string[], written: readonly string[]): string {
  return segments
    .map((segment, at) => {
      const own = written[at];
      return segment.startsWith('{') ? (own === undefined || own === '**' ? '*' : own) : segment;
    })
    .join('/');
}

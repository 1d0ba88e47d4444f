import type { ApiPath } from '../maas/api-path.ts';
import { findAmbiguity, resolveOperation, type FormOps, type Operation } from '../maas/operations/operation.ts';
import { readOtherwise, readRoute } from '../maas/operations/route.ts';
import { decide, needsOp, type Policy, type Decision } from './policy.ts';

/** A policy's decision about a request. */
export interface Evaluation {
  readonly operation: Operation;
  readonly decision: Decision;
  /** Why the request is ambiguous, as a clause: "names several operations …"; an ambiguous request is refused. */
  readonly ambiguity: string | undefined;
}

const ambiguities = {
  'several-ops': 'names several operations in query, body and path; name one',
  semicolon: 'has an "op" behind a ";", which some take for "&"; write "&"',
  'unreadable-body':
    'has a form that is not written in the usual way, so that its "op" is in doubt; name the op in the query',
  'encoded-slash': 'has a "%2F" in its path, which can be read in two ways',
  'double-slash': 'has "//" in its path, which can be read in two ways; write one "/"',
  'op-or-name':
    'has a path that ends with "op-…", which can be read as an operation or as a name; write an operation in the query, "?op=…"',
} as const;

/** Whether the decision about a request hangs on its op, so that a form in its body must be read. */
export function dependsOnOp(policy: Policy, method: string, path: ApiPath): boolean {
  const readings = [readRoute(path), ...readOtherwise(method, path)];
  return readings.some(({ segments }) => needsOp(policy, method, segments));
}

/**
 * Judges a request: which operation it is, and whether it may be done. Where that hangs on the op, what two readers could
 * take for different operations is in doubt; where the path can be read in two ways, both must come to the same.
 *
 * @param form what the body says, `undefined` where it was not read or is no form
 */
export function evaluate(policy: Policy, method: string, path: ApiPath, form?: FormOps): Evaluation {
  if (form !== undefined) return evaluateAfresh(policy, method, path, form);
  const cache = cacheOf(policy);
  if (path.path.length + path.query.length > maxCachedLength) return evaluateAfresh(policy, method, path);
  const address = cache.matters(path.query) ? path.path + path.query : path.path;
  const key = `${method} ${address}`;
  const before = cache.known.get(key);
  if (before !== undefined) return before;
  const evaluation = copiedEvaluation(evaluateAfresh(policy, method, path));
  if (count >= maxCached) forget();
  count += 1;
  cache.known.set(key, evaluation);
  return evaluation;
}

function evaluateAfresh(policy: Policy, method: string, path: ApiPath, form?: FormOps): Evaluation {
  const operation = resolveOperation(method, path, form);
  const decision = decide(policy, operation, path.query);
  const ambiguity = dependsOnOp(policy, method, path) ? findAmbiguity(method, path, form) : undefined;
  if (ambiguity !== undefined) return { operation, decision, ambiguity: ambiguities[ambiguity] };
  for (const reading of readOtherwise(method, path)) {
    const other = decide(policy, resolveOperation(method, path, form, reading), path.query);
    if (other.allowed !== decision.allowed) return { operation, decision, ambiguity: ambiguities[reading.because] };
  }
  return { operation, decision, ambiguity: undefined };
}

/** Whether a request must be refused. */
export function isRefusal({ decision, ambiguity }: Evaluation): boolean {
  return ambiguity !== undefined || !decision.allowed;
}

/** The same in strings of its own: V8 cuts strings out of others, and would keep the request's whole address for their sake. */
function copiedEvaluation({ operation: { method, segments, op }, ...evaluation }: Evaluation): Evaluation {
  return { ...evaluation, operation: { method, segments: segments.map(copied), op: op && copied(op) } };
}

function copied(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

/** What a policy has said of the addresses that were asked for, so that those asked for again and again cost a look-up. */
interface EvaluationCache {
  readonly known: Map<string, Evaluation>;
  /** Whether a query could be part of the evaluation: it may name an op, or a parameter that a rule speaks of. */
  matters(query: string): boolean;
}

/** How many are kept, of all policies together; then they are forgotten, and known again where they are asked for again. */
const maxCached = 4_000;

/** Longer addresses are evaluated each time: a list of a thousand machines would take the room of a hundred others. */
const maxCachedLength = 512;

/** Kept by policy, and gone with it: a changed policy is another one. */
let caches = new WeakMap<Policy, EvaluationCache>();
let count = 0;

function forget(): void {
  caches = new WeakMap();
  count = 0;
}

function cacheOf(policy: Policy): EvaluationCache {
  let found = caches.get(policy);
  if (found === undefined) {
    const names = ['op', ...policy.rules.flatMap(({ parameter }) => parameter?.name ?? [])];
    // An escape may spell any name, and behind a ";" some see another parameter.
    const telling = [...new Set(names), '%', '+', ';'];
    found = { known: new Map(), matters: (query) => query !== '' && telling.some((part) => query.includes(part)) };
    caches.set(policy, found);
  }
  return found;
}

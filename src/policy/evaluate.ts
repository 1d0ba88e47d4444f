import type { ApiPath } from '../maas/api-path.ts';
import { findAmbiguity, resolveOperation, type FormOps, type Operation } from '../maas/operations/operation.ts';
import { readOtherwise, readRoute } from '../maas/operations/route.ts';
import { cachedEvaluation } from './evaluation-cache.ts';
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

/** Whether the decision about a request depends on its op, so that a form in its body must be read. */
export function dependsOnOp(policy: Policy, method: string, path: ApiPath): boolean {
  const readings = [readRoute(path), ...readOtherwise(method, path)];
  return readings.some(({ segments }) => needsOp(policy, method, segments));
}

/**
 * Evaluates a request: which operation it is, and whether the policy allows it. If the decision depends on the op, a
 * request that two readers could take for different operations is ambiguous. If the path can be read in two ways, both
 * must get the same decision.
 *
 * @param form what the body says; `undefined` if it was not read or is no form
 */
export function evaluate(policy: Policy, method: string, path: ApiPath, form?: FormOps): Evaluation {
  if (form !== undefined) return evaluateAfresh(policy, method, path, form);
  return cachedEvaluation(policy, method, path, () => evaluateAfresh(policy, method, path));
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

import type { ApiPath } from '../maas/api-path.ts';
import { findAmbiguity, resolveOperation, type FormOps, type Operation } from '../maas/operations/operation.ts';
import { readOtherwise, type OtherReading } from '../maas/operations/route.ts';
import { cachedEvaluation } from './evaluation-cache.ts';
import { decide, needsOp, type Policy, type Decision } from './policy.ts';

/** A policy's decision about a request. */
export interface Evaluation {
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
export function dependsOnOp(
  policy: Policy,
  { method, segments }: Operation,
  path: ApiPath,
  others: readonly OtherReading[] = readOtherwise(method, path),
): boolean {
  return needsOp(policy, method, segments) || others.some((reading) => needsOp(policy, method, reading.segments));
}

/**
 * Evaluates a policy for a request: whether it allows the operation. If the decision depends on the op, a request that
 * two readers could take for different operations is ambiguous. If the path can be read in two ways, both must get the
 * same decision.
 *
 * @param operation the operation that was resolved from the address, and from the form if there is one
 * @param form what the body says; `undefined` if it was not read or is no form
 */
export function evaluate(policy: Policy, operation: Operation, path: ApiPath, form?: FormOps): Evaluation {
  if (form !== undefined) return evaluateAfresh(policy, operation, path, form);
  return cachedEvaluation(policy, operation.method, path, () => evaluateAfresh(policy, operation, path));
}

function evaluateAfresh(policy: Policy, operation: Operation, path: ApiPath, form?: FormOps): Evaluation {
  const { method } = operation;
  const decision = decide(policy, operation, path.query);
  const others = readOtherwise(method, path);
  const ambiguity = dependsOnOp(policy, operation, path, others) ? findAmbiguity(method, path, form) : undefined;
  if (ambiguity !== undefined) return { decision, ambiguity: ambiguities[ambiguity] };
  for (const reading of others) {
    const other = decide(policy, resolveOperation(method, path, form, reading), path.query);
    if (other.allowed !== decision.allowed) return { decision, ambiguity: ambiguities[reading.because] };
  }
  return { decision, ambiguity: undefined };
}

/** Whether a request must be refused. */
export function isRefusal({ decision, ambiguity }: Evaluation): boolean {
  return ambiguity !== undefined || !decision.allowed;
}

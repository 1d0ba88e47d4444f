import type { ApiPath } from '../maas/api-path.ts';
import {
  findAmbiguity,
  hasEncodedSlash,
  resolveOperation,
  splitSegments,
  type FormOps,
  type Operation,
} from '../maas/operation.ts';
import { decide, needsOp, type Policy, type Verdict } from './policy.ts';

/** What a policy says of a request. */
export interface Judgement {
  readonly operation: Operation;
  readonly verdict: Verdict;
  /** Why the request cannot be judged, as a clause: "names several operations …"; it is refused then. */
  readonly doubt: string | undefined;
}

const doubts = {
  'several-ops': 'names several operations in query, body and path; name one',
  semicolon: 'has an "op" behind a ";", which some take for "&"; write "&"',
  'unreadable-body':
    'has a form that is not written in the usual way, so that its "op" is in doubt; name the op in the query',
  'encoded-slash': 'has a "%2F" in its path, which can be read in two ways',
} as const;

/** Whether the verdict about a request hangs on its op, so that a form in its body must be read. */
export function hangsOnOp(policy: Policy, method: string, path: ApiPath): boolean {
  return needsOp(policy, method, splitSegments(path));
}

/**
 * Judges a request: which operation it is, and whether it may be done. Where that hangs on the op, what two readers could
 * take for different operations is in doubt.
 *
 * @param form what the body says, `undefined` where it was not read or is no form
 */
export function judge(policy: Policy, method: string, path: ApiPath, form?: FormOps): Judgement {
  const operation = resolveOperation(method, path, form);
  const verdict = decide(policy, operation, path.query);
  const ambiguity = hangsOnOp(policy, method, path) ? findAmbiguity(method, path, form) : undefined;
  if (ambiguity !== undefined) return { operation, verdict, doubt: doubts[ambiguity] };
  if (hasEncodedSlash(path.segments)) {
    const other = decide(policy, resolveOperation(method, path, form, path.segments), path.query);
    if (other.allowed !== verdict.allowed) return { operation, verdict, doubt: doubts['encoded-slash'] };
  }
  return { operation, verdict, doubt: undefined };
}

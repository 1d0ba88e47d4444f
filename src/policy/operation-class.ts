import type { ApiPath } from '../maas/api-path.ts';
import { readsThatChange } from '../maas/operations/credentials.ts';
import type { Operation } from '../maas/operations/operation.ts';
import { presetPolicy } from './policy.ts';
import { evaluate } from './evaluate.ts';

/**
 * The class of a request, which decides whether its response may be shared, cached and compressed:
 * - `shareable`: a read that reveals no credential and changes nothing;
 * - `private`: a read whose response is only for the client that sent the request;
 * - `unsafe`: a request that changes MAAS, or may.
 */
export type OperationClass = 'shareable' | 'private' | 'unsafe';

/** The rules of `read-only` name every GET that reveals a credential. */
const readOnly = presetPolicy('read-only');

/** Returns the class of a request. An ambiguous request is `unsafe`. */
export function classify(operation: Operation, path: ApiPath): OperationClass {
  const { method, op } = operation;
  // MAAS responds to HEAD and OPTIONS with 405: there is nothing to share, and nothing changes.
  if (method === 'HEAD' || method === 'OPTIONS') return 'private';
  if (method !== 'GET') return 'unsafe';
  const { decision, ambiguity } = evaluate(readOnly, operation, path);
  if (ambiguity !== undefined || readsThatChange.has(op)) return 'unsafe';
  return decision.allowed ? 'shareable' : 'private';
}

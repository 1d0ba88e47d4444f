import type { ApiPath } from '../maas/api-path.ts';
import { readsThatChange } from '../maas/operations/credentials.ts';
import { presetPolicy } from './policy.ts';
import { evaluate } from './evaluate.ts';

/**
 * What a request is to those who would give one answer to several, keep it, or compress it:
 * - `shareable`: a read that reveals no credential and changes nothing;
 * - `private`: a read whose response is only for the client that sent the request;
 * - `unsafe`: a request that changes MAAS, or may.
 */
export type OperationClass = 'shareable' | 'private' | 'unsafe';

/** The rules of `read-only` name every GET that reveals a credential, and are kept complete for its sake. */
const readOnly = presetPolicy('read-only');

/** Returns the class of a request. An ambiguous request is `unsafe`. */
export function classify(method: string, path: ApiPath): OperationClass {
  // MAAS answers HEAD and OPTIONS by 405: nothing to share, and nothing changes.
  if (method === 'HEAD' || method === 'OPTIONS') return 'private';
  if (method !== 'GET') return 'unsafe';
  const { operation, decision, ambiguity } = evaluate(readOnly, method, path);
  if (ambiguity !== undefined || readsThatChange.has(operation.op)) return 'unsafe';
  return decision.allowed ? 'shareable' : 'private';
}

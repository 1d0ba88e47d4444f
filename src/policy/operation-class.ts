import type { ApiPath } from '../maas/api-path.ts';
import { readsThatChange } from '../maas/operations/credentials.ts';
import { presetPolicy } from './policy.ts';
import { evaluate } from './evaluate.ts';

/**
 * What a request is to those who would give one answer to several, keep it, or compress it:
 * - `shareable`: a read that reveals no credential and changes nothing;
 * - `private`: a read whose answer is for the one who asked, and nobody else;
 * - `unsafe`: whatever changes MAAS, or may.
 */
export type OperationClass = 'shareable' | 'private' | 'unsafe';

/** The rules of `read-only` name every GET that reveals a credential, and are kept complete for its sake. */
const readOnly = presetPolicy('read-only');

/** Says which kind a request is. What can be read in two ways is taken for a change. */
export function classify(method: string, path: ApiPath): OperationClass {
  // MAAS answers HEAD and OPTIONS by 405: nothing to share, and nothing changes.
  if (method === 'HEAD' || method === 'OPTIONS') return 'private';
  if (method !== 'GET') return 'unsafe';
  const { operation, decision, ambiguity } = evaluate(readOnly, method, path);
  if (ambiguity !== undefined || readsThatChange.has(operation.op)) return 'unsafe';
  return decision.allowed ? 'shareable' : 'private';
}

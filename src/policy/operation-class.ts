import type { ApiPath } from '../maas/api-path.ts';
import { presetPolicy } from './policy.ts';
import { evaluate } from './evaluate.ts';

/**
 * What a request is to those who would give one answer to several, keep it, or compress it:
 * - `shareable`: a read that reveals no credential and changes nothing;
 * - `private`: a read whose answer is for the one who asked, and nobody else;
 * - `unsafe`: whatever changes MAAS, or may.
 */
export type OperationClass = 'shareable' | 'private' | 'unsafe';

/** Reads by MAAS's own declaration that change something: the state of a machine's power, a token ("Operations" in MAAS's API). */
const changingReads: ReadonlySet<string | undefined> = new Set(['query_power_state', 'get_curtin_config', 'get_token']);

/** The rules of `read-only` name every GET that reveals a credential, and are kept complete for its sake. */
const readOnly = presetPolicy('read-only');

/** Says which kind a request is. What can be read in two ways is taken for a change. */
export function classify(method: string, path: ApiPath): OperationClass {
  // MAAS answers HEAD and OPTIONS by 405: nothing to share, and nothing changes.
  if (method === 'HEAD' || method === 'OPTIONS') return 'private';
  if (method !== 'GET') return 'unsafe';
  const { operation, decision, ambiguity } = evaluate(readOnly, method, path);
  if (ambiguity !== undefined || changingReads.has(operation.op)) return 'unsafe';
  return decision.allowed ? 'shareable' : 'private';
}

import type { ApiPath } from '../api-path.ts';
import { operationName } from './operation-name.ts';
import { findAmbiguity, resolveOperation } from './operation.ts';
import { readOtherwise } from './route.ts';

/** The collections that say of a MAC address whether MAAS knows it (MAAS's `AnonNodesHandler` and those made of it). */
const collections = ['devices', 'machines', 'nodes', 'rackcontrollers', 'regioncontrollers'] as const;

/** For callers without a key alone: MAAS looks for it among the anonymous operations, and answers 400 to a signed request. */
const unsignedOp = 'is_action_in_progress';

/**
 * What MAAS answers to anybody, and is meant to: its version and description, whether a MAC address is known, and a file to whoever has
 * its unguessable key (Juju's agents).
 *
 * MAAS does two more things for callers without a key, which are not in here because they are writes: `POST machines`
 * enlists a machine, and replaces architecture and power parameters of a new one that has the same MAC address or BMC;
 * `POST machines accept` always refuses.
 */
const answeredUnsigned: ReadonlySet<string> = new Set([
  'GET version',
  'GET describe',
  'GET openapi.yaml',
  'GET files get_by_key',
  ...collections.flatMap((name) => [`GET ${name} is_registered`, `GET ${name} ${unsignedOp}`]),
]);

/** Whether MAAS answers a request without a signature, and nothing changes by it. What can be read in two ways is not. */
export function needsNoSignature(method: string, path: ApiPath): boolean {
  if (method !== 'GET' || !answeredUnsigned.has(operationName(resolveOperation(method, path)))) return false;
  return findAmbiguity(method, path) === undefined && readOtherwise(method, path).length === 0;
}

/**
 * Whether MAAS answers a request only where it has no signature. What can be read in two ways is not.
 *
 * @param op the one that the request was read with; nearly every request is another
 */
export function takesNoSignature(method: string, path: ApiPath, op: string | undefined): boolean {
  return op === unsignedOp && needsNoSignature(method, path);
}

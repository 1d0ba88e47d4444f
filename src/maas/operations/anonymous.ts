import type { ApiPath } from '../api-path.ts';
import { operationName } from './operation-name.ts';
import { findAmbiguity, type Operation } from './operation.ts';
import { readOtherwise } from './route.ts';

/** The collections that tell whether MAAS knows a MAC address (MAAS's `AnonNodesHandler` and its subclasses). */
const collections = ['devices', 'machines', 'nodes', 'rackcontrollers', 'regioncontrollers'] as const;

/**
 * Only for unsigned requests: MAAS finds it among the anonymous operations only, and responds to a signed request with
 * 400.
 */
const unsignedOp = 'is_action_in_progress';

/**
 * Reads that MAAS answers anonymously by design: its version and description, whether a MAC address is known, and a
 * file for a client with its unguessable key (Juju's agents).
 *
 * MAAS accepts two more anonymous requests, which are not listed because they are writes: `POST machines` enlists a
 * machine, and replaces architecture and power parameters of a new one with the same MAC address or BMC; `POST machines
 * accept` always refuses.
 */
const answeredUnsigned: ReadonlySet<string> = new Set([
  'GET version',
  'GET describe',
  'GET openapi.yaml',
  'GET files get_by_key',
  ...collections.flatMap((name) => [`GET ${name} is_registered`, `GET ${name} ${unsignedOp}`]),
]);

/** Whether MAAS answers a request anonymously, and it changes nothing. `false` for an ambiguous request. */
export function needsNoSignature(operation: Operation, path: ApiPath): boolean {
  const { method } = operation;
  if (method !== 'GET' || !answeredUnsigned.has(operationName(operation))) return false;
  return findAmbiguity(method, path) === undefined && readOtherwise(method, path).length === 0;
}

/** Whether MAAS answers a request only if it is unsigned. `false` for an ambiguous request. */
export function takesNoSignature(operation: Operation, path: ApiPath): boolean {
  return operation.op === unsignedOp && needsNoSignature(operation, path);
}

import type { Operation } from './operation.ts';
import { nameOf } from './route.ts';

/** What an operation is called of which nothing is known. */
export const unknownOperation = 'other';

/**
 * The name of an operation as MAAS's documentation has it: `POST machines/{system_id} deploy`. There are as many names as MAAS
 * has operations, so they may be labels; whatever else a client makes up is `other`.
 */
export function operationName({ method, segments, op }: Operation): string {
  return nameOf(method, segments, op) ?? unknownOperation;
}

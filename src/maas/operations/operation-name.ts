import type { Operation } from './operation.ts';
import { nameOf } from './route.ts';

/** The name of every unknown operation. */
export const unknownOperation = 'other';

/**
 * The name of an operation, as in MAAS's documentation: `POST machines/{system_id} deploy`. There are only as many
 * names as MAAS has operations, so they can be labels; everything else is `other`.
 */
export function operationName({ method, segments, op }: Operation): string {
  return nameOf(method, segments, op) ?? unknownOperation;
}

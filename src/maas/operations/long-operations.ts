import type { Operation } from './operation.ts';

/**
 * Whether MAAS may take long for an operation: for all that change something (a worker waits for the database, a rack
 * controller, or the rest of an upload), and for the one read that queries a machine's BMC and blocks a worker for up
 * to 60 s.
 */
export function isLongRunning({ method, op }: Operation): boolean {
  return (method !== 'GET' && method !== 'HEAD') || op === 'query_power_state';
}

/** The common name of similar operations: method, resource and op, without the names of single objects. */
export function groupOf({ method, segments, op = '-' }: Operation): string {
  return `${method} ${segments[0] ?? ''}/${segments.length} ${op}`;
}

import type { Operation } from './operation.ts';

/**
 * Whether MAAS may take long over an operation: whatever changes something (a worker waits for the database, a rack
 * controller, or the rest of an upload), and the one read that asks a machine's BMC and blocks a worker for up to 60 s.
 */
export function isLongRunning({ method, op }: Operation): boolean {
  return (method !== 'GET' && method !== 'HEAD') || op === 'query_power_state';
}

/** What operations of the same kind have in common: method, resource and op, without the names of single things. */
export function groupOf({ method, segments, op = '-' }: Operation): string {
  return `${method} ${segments[0] ?? ''}/${segments.length} ${op}`;
}

import type { ActiveClient } from './registry.ts';

/** The sender of a request. */
export interface ClientIdentity {
  /** The authenticated client of a gateway; `undefined` without a clients file, and for requests that need no key. */
  readonly client: ActiveClient | undefined;
  /** Whether a gateway accepts the request without a key. */
  readonly isAnonymous: boolean;
}

/** The identity of a request before authentication. */
export const unidentified: ClientIdentity = { client: undefined, isAnonymous: false };

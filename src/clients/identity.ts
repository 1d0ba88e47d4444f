import type { ActiveClient } from './registry.ts';

/** Who sends a request. */
export interface ClientIdentity {
  /** The client of a gateway whose key it is; `undefined` where nobody has to prove anything, and for whoever needs no key. */
  readonly client: ActiveClient | undefined;
  /** A gateway lets it pass without a key. */
  readonly isAnonymous: boolean;
}

/** The identity of a request before authentication. */
export const unidentified: ClientIdentity = { client: undefined, isAnonymous: false };

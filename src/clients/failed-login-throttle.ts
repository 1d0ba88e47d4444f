import { LRUCache } from 'lru-cache';
import { addressBlock } from '../http/peer.ts';

/** After this many failures from one address within a minute, the response to each further failure is delayed; ms. */
const throttle = { failures: 10, window: 60_000, wait: 1_000, addresses: 10_000 };

/** How long to delay the response to an address's failed login, ms; each call counts as a failure. */
export type FailedLoginThrottle = (address: string, now: number) => number;

/** Throttles clients that try keys. It remembers a bounded number of addresses. */
export function createFailedLoginThrottle(): FailedLoginThrottle {
  const failures = new LRUCache<string, { count: number; since: number }>({ max: throttle.addresses });
  return (address, now) => {
    const source = addressBlock(address);
    const known = failures.get(source);
    const entry = known === undefined || now - known.since > throttle.window ? { count: 0, since: now } : known;
    entry.count += 1;
    failures.set(source, entry);
    return entry.count > throttle.failures ? throttle.wait : 0;
  };
}

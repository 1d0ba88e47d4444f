import { addressBlock } from '../http/peer.ts';

/** After this many failures of one address within a minute, each further one is answered late; ms. */
const throttle = { failures: 10, window: 60_000, wait: 1_000, addresses: 10_000 };

/** How long the answer to an address's failure is held back, ms; each call counts as a failure. */
export type FailedLoginThrottle = (address: string, now: number) => number;

/** Slows down who tries keys. It remembers a bounded number of addresses. */
export function createFailedLoginThrottle(): FailedLoginThrottle {
  const failures = new Map<string, { count: number; since: number }>();
  return (address, now) => {
    const source = addressBlock(address);
    const known = failures.get(source);
    const entry = known === undefined || now - known.since > throttle.window ? { count: 0, since: now } : known;
    entry.count += 1;
    failures.delete(source);
    failures.set(source, entry);
    const [oldest] = failures.keys();
    if (failures.size > throttle.addresses && oldest !== undefined) failures.delete(oldest);
    return entry.count > throttle.failures ? throttle.wait : 0;
  };
}

import { randomBytes } from 'node:crypto';
import { Problem } from '../problem.ts';

/**
 * A name for one running proxy in the `Via` of what it sends to MAAS (RFC 9110 §7.6.3): a request that comes back with
 * it is in a loop. It is new at each start and reveals nothing about the machine. Replicas and chained proxies have one
 * each.
 */
export function createPseudonym(): string {
  return `maas-auth-proxy-${randomBytes(8).toString('hex')}`;
}

/** Whether a request with this `Via` has been sent by the proxy of that name. */
export function hasPassed(via: string | undefined, pseudonym: string): boolean {
  return via?.includes(pseudonym) === true;
}

/** The problem of a request that has come back. */
export function loopDetected(context?: ConstructorParameters<typeof Problem>[2]): Problem {
  return new Problem(
    'loop-detected',
    "The request came back to a proxy that had sent it on: MAAS_URL, this proxy's or that of one behind it, leads to a proxy and not to MAAS. Set it to the address of MAAS itself.",
    context,
  );
}

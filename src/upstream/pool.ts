import { buildConnector, Pool } from 'undici';
import type { MaasAddress } from '../maas/maas-address.ts';
import { discardContinue } from './discard-continue.ts';
import { trustingContext } from './trust.ts';

/** How to reach MAAS. */
export interface PoolOptions {
  readonly maas: MaasAddress;
  /** PEM text of further certificate authorities. */
  readonly ca?: string | undefined;
  /** Do not verify MAAS's certificate. */
  readonly insecure?: boolean;
  /** How long to wait for the first byte of an answer, and between two, ms. */
  readonly timeout: number;
}

/** How long a connection may take to come about, ms. */
export const connectTimeout = 10_000;

/** The largest header section that is accepted from MAAS, and from clients, bytes: room for long `id=` lists. */
export const maxHeaderSize = 64 * 1024;

/** The connections to MAAS. Its certificate is verified: reply-from's own default would not do that. */
export function createPool({ maas, ca, insecure = false, timeout }: PoolOptions): Pool {
  const connect = buildConnector({
    timeout: connectTimeout,
    rejectUnauthorized: !insecure,
    ...(maas.origin.startsWith('https:') && { secureContext: trustingContext(ca) }),
  });
  return new Pool(maas.origin, {
    connect(options, done) {
      connect(options, (...result) => {
        // On an error undici's connector hands over no socket at all.
        if (result[1]) discardContinue(result[1]);
        done(...result);
      });
    },
    // Below the 65 s after which MAAS's web server closes an idle connection, so that a request seldom meets the close.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 60_000,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    maxHeaderSize,
    pipelining: 1,
  });
}

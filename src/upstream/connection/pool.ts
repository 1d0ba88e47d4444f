import { buildConnector, Pool } from 'undici';
import type { MaasAddress, Regions } from '../../maas/maas-address.ts';
import type { UpstreamDispatch } from '../handler.ts';
import { discardContinue } from './discard-continue.ts';
import { makeResetAnError } from './reset-is-error.ts';
import { toUndici } from './dispatch.ts';
import { trustingContext } from './trust.ts';

/** The connection options for MAAS. */
export interface PoolOptions {
  readonly maas: MaasAddress;
  /** PEM text of further certificate authorities. */
  readonly ca?: string | undefined;
  /** Do not verify MAAS's certificate. */
  readonly insecure?: boolean;
  /** How long to wait for the first byte of a response, and between two, ms. */
  readonly timeout: number;
  /** How long opening a connection may take, ms. */
  readonly connectTimeout?: number;
  /** Called for each new connection with the expiry of MAAS's certificate, s since 1970. */
  onCertificate?(origin: string, expires: number): void;
}

/** How long opening a connection may take, ms: shorter if another region can be tried. */
const connectTimeouts = { alone: 10_000, oneOfSeveral: 4_000 };

/** The largest header section that is accepted from MAAS, and from clients, bytes: enough for long `id=` lists. */
export const maxHeaderSize = 64 * 1024;

/** The connections to MAAS. Its certificate is verified: reply-from's own default would not do that. */
export function createPool(options: PoolOptions): Pool {
  const { maas, ca, insecure = false, timeout, connectTimeout = connectTimeouts.alone } = options;
  const connect = buildConnector({
    timeout: connectTimeout,
    rejectUnauthorized: !insecure,
    ...(maas.origin.startsWith('https:') && { secureContext: trustingContext(ca) }),
  });
  return new Pool(maas.origin, {
    connect(target, done) {
      connect(target, (...result) => {
        // On an error undici's connector passes no socket at all.
        const [, socket] = result;
        if (socket) {
          discardContinue(socket);
          makeResetAnError(socket);
          if ('getPeerCertificate' in socket) {
            const expires = Date.parse(socket.getPeerCertificate().valid_to) / 1000;
            // A resumed session has none.
            if (!Number.isNaN(expires)) options.onCertificate?.(maas.origin, expires);
          }
        }
        done(...result);
      });
    },
    // Below the 65 s after which MAAS's web server closes an idle connection, so that few requests meet the close.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 60_000,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    maxHeaderSize,
    pipelining: 1,
  });
}

/** The connections to all regions. */
export interface Connections {
  /** Sends a request to the region that its `origin` names. */
  readonly dispatch: UpstreamDispatch;
  /** Accepts no further requests, and closes each connection after its requests. */
  close(): Promise<void>;
  /** Closes all connections immediately. */
  destroy(): Promise<void>;
}

/** The same for several regions. */
export function createPools(regions: Regions, options: Omit<PoolOptions, 'maas' | 'connectTimeout'>): Connections {
  const connectTimeout = regions.length === 1 ? connectTimeouts.alone : connectTimeouts.oneOfSeveral;
  const pools = new Map<string, { readonly pool: Pool; readonly dispatch: UpstreamDispatch }>();
  for (const maas of regions) {
    if (pools.has(maas.origin)) continue;
    const pool = createPool({ ...options, maas, connectTimeout });
    pools.set(maas.origin, { pool, dispatch: toUndici((request, handler) => pool.dispatch(request, handler)) });
  }
  return {
    dispatch(request, handler) {
      const pool = pools.get(request.origin);
      if (pool === undefined) throw new Error('a request to an origin that is none of the regions');
      pool.dispatch(request, handler);
    },
    close: async () => void (await Promise.all([...pools.values()].map(({ pool }) => pool.close()))),
    destroy: async () => void (await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()))),
  };
}

import type { Dispatcher } from 'undici';
import type { ApiKey } from '../maas/api-key.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import { createSigner } from '../maas/signature.ts';
import { ask, type Answer } from './ask.ts';
import { createPool } from './pool.ts';
import { sign } from './sign.ts';

/** The way to one MAAS. */
export interface Upstream {
  /** Sends a request, signed; the chain of links is in this file. */
  readonly dispatch: Dispatcher['dispatch'];
  /** Asks MAAS on the proxy's own account; `path` begins below the API's root, such as `/version/`. */
  ask(path: string): Promise<Answer>;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** What a way to MAAS is made of. */
export interface UpstreamOptions {
  readonly maas: MaasAddress;
  readonly key: ApiKey;
  /** PEM text of further certificate authorities. */
  readonly ca?: string | undefined;
  readonly insecure?: boolean;
  /** Seconds to MAAS's first byte, and between bytes. */
  readonly timeout: number;
}

/** Opens the way to MAAS; no connection is made before the first request. */
export function createUpstream({ maas, key, ca, insecure = false, timeout }: UpstreamOptions): Upstream {
  const pool = createPool({ maas, ca, insecure, timeout: timeout * 1000 });
  const signer = createSigner(key);
  const connected: Dispatcher['dispatch'] = (options, handler) => pool.dispatch(options, handler);
  const signed = sign(
    () => signer,
    () => Math.floor(Date.now() / 1000),
  )(connected);
  return {
    dispatch: signed,
    ask: (path) => ask(signed, maas, path),
    close: () => pool.destroy(),
  };
}

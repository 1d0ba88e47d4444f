import type { Dispatcher } from 'undici';
import type { ApiKey } from '../maas/api-key.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import { createSigner } from '../maas/signature.ts';
import { ask, type Answer } from './ask.ts';
import { createClock, type Clock } from './clock.ts';
import { interpret } from './interpret.ts';
import { createLines } from './lines.ts';
import { createPool } from './pool.ts';
import { retry } from './retry.ts';
import { reuse } from './reuse.ts';
import { sign } from './sign.ts';

/** The way to one MAAS. */
export interface Upstream {
  /** Sends a request, signed; the chain of links is in this file. */
  readonly dispatch: Dispatcher['dispatch'];
  /** Asks MAAS on the proxy's own account; `path` begins below the API's root, such as `/version/`. */
  ask(path: string): Promise<Answer>;
  /** MAAS's clock, as far as it is known. */
  readonly clock: Clock;
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
  /** Whether identical reads in flight are joined. */
  readonly coalesce?: boolean;
  /** Told the whole difference in seconds whenever MAAS has corrected the clock; positive where MAAS is ahead. */
  onClockDifference?(offset: number): void;
}

/** Opens the way to MAAS; no connection is made before the first request. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { maas, key, ca, insecure = false, timeout, coalesce = false, onClockDifference } = options;
  const pool = createPool({ maas, ca, insecure, timeout: timeout * 1000 });
  const clock = createClock((offset) => onClockDifference?.(offset));
  const signer = createSigner(key);
  const dispatch = chain(
    ...(coalesce ? [reuse({ lines: createLines(), shared: () => signer })] : []), // join identical reads
    retry(), //               send again where nothing can run twice
    interpret(clock), //      read 401, 502 and 504; set the clock
    sign(
      () => signer,
      () => clock.now(),
    ),
  )((request, handler) => pool.dispatch(request, handler));
  return { dispatch, clock, ask: (path) => ask(dispatch, maas, path), close: () => pool.destroy() };
}

/** Links in the order in which a request passes them. */
function chain(...links: readonly Dispatcher.DispatcherComposeInterceptor[]): Dispatcher.DispatcherComposeInterceptor {
  return (connected) => links.reduceRight((dispatch, link) => link(dispatch), connected);
}

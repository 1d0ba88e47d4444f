import { setTimeout as wait } from 'node:timers/promises';
import type { Nonces } from '../clients/nonces.ts';
import { recognise } from '../clients/recognise.ts';
import type { Registry } from '../clients/registry.ts';
import { createSlowness } from '../clients/slowness.ts';
import type { ClientAuthorities } from '../config/tls-files.ts';
import type { Step } from '../exchange.ts';
import { Problem } from '../problem.ts';
import { certificate } from './certificate.ts';

/** How clients prove who they are. */
export interface ClientOptions {
  /** The clients; `undefined` where there is no clients file and nobody has to prove anything. */
  readonly registry: Registry | undefined;
  /** Which signatures have been used. */
  readonly nonces: Nonces;
  /** The authorities in force, where clients prove themselves by a certificate. */
  readonly clientAuthorities?: (() => ClientAuthorities) | undefined;
}

/**
 * Step 4: whose key is it? A client proves itself by the OAuth header that any MAAS client sends, by `Bearer KEY`, or by
 * Basic (`curl -u NAME:KEY`). OAuth clients are answered in MAAS's own words, which they know. The answers to repeated
 * failures are held back. With authorities for clients it is the certificate that counts, and no header.
 */
export function client({ registry, nonces, clientAuthorities }: ClientOptions): Step {
  if (registry === undefined) return () => undefined;
  if (clientAuthorities !== undefined) return certificate(registry, clientAuthorities);
  const slowness = createSlowness();
  return async (exchange) => {
    const { rawHeaders, headers } = exchange.request;
    if (rawHeaders.filter((name, index) => index % 2 === 0 && /^authorization$/i.test(name)).length > 1) {
      throw new Problem('malformed-request', 'The request must have one Authorization header, not several.');
    }
    try {
      exchange.client = await recognise(registry, nonces, headers.authorization);
      registry.noteUse(exchange.client.client.consumer, Date.now());
    } catch (error) {
      if (error instanceof Problem && error.code === 'client-unknown') {
        await wait(slowness(exchange.peer ?? 'unix', Date.now()));
      }
      throw error;
    }
  };
}

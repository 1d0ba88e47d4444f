import { setTimeout as wait } from 'node:timers/promises';
import type { Nonces } from '../clients/nonces.ts';
import { authenticateClient } from '../clients/authenticate-client.ts';
import type { Registry } from '../clients/registry.ts';
import { createFailedLoginThrottle } from '../clients/failed-login-throttle.ts';
import type { ClientAuthorities } from '../config/tls/tls-files.ts';
import type { Exchange, Step } from '../exchange.ts';
import { needsNoSignature } from '../maas/operations/anonymous.ts';
import { Problem } from '../problem.ts';
import { certificate } from './client-certificate.ts';

/** How clients prove who they are. */
export interface AuthenticationOptions {
  /** The clients; `undefined` where there is no clients file and nobody has to prove anything. */
  readonly registry: Registry | undefined;
  /** Which signatures have been used. */
  readonly nonces: Nonces;
  /** The authorities in force, where clients prove themselves by a certificate. */
  readonly clientAuthorities?: (() => ClientAuthorities) | undefined;
  /** Whether what MAAS answers to anybody needs no key here either. */
  readonly anonymous: boolean;
}

/**
 * Step 4: whose key is it? A client proves itself by the OAuth header that any MAAS client sends, by `Bearer KEY`, or by
 * Basic (`curl -u NAME:KEY`). OAuth clients are answered in MAAS's own words, which they know. The answers to repeated
 * failures are held back. With authorities for clients it is the certificate that counts, and no header.
 *
 * What MAAS answers to anybody may be asked without a key: MAAS's own clients begin with it. It goes to MAAS unsigned.
 */
export function createAuthentication({ registry, nonces, clientAuthorities, anonymous }: AuthenticationOptions): Step {
  if (registry === undefined) return () => undefined;
  const mayPass = anonymous ? passAnonymously : () => false;
  if (clientAuthorities !== undefined) return certificate(registry, clientAuthorities, mayPass);
  const throttle = createFailedLoginThrottle();
  const authenticate = async (exchange: Exchange): Promise<void> => {
    const { rawHeaders, headers } = exchange.request;
    if (rawHeaders.filter((name, index) => index % 2 === 0 && /^authorization$/i.test(name)).length > 1) {
      throw new Problem('malformed-request', 'The request must have one Authorization header, not several.');
    }
    try {
      exchange.client = await authenticateClient(registry, nonces, headers.authorization);
      registry.noteUse(exchange.client.client.consumer, Date.now());
    } catch (error) {
      if (error instanceof Problem && error.code === 'client-unknown') {
        const late = throttle(exchange.peer ?? 'unix', Date.now());
        if (late > 0) {
          await wait(late);
          // What the client has sent meanwhile is not kept until its turn to be refused.
          exchange.mustClose = true;
        }
      }
      throw error;
    }
  };
  return (exchange) => (mayPass(exchange) ? undefined : authenticate(exchange));
}

/** Lets a request pass without a key, if it is one. Whoever presents a key is judged by it, also where none is needed. */
function passAnonymously(exchange: Exchange): boolean {
  const { method, apiPath, request } = exchange;
  if (request.headers.authorization !== undefined || apiPath === undefined) return false;
  exchange.isAnonymous = needsNoSignature(method, apiPath);
  exchange.isUnsigned = exchange.isAnonymous;
  return exchange.isAnonymous;
}

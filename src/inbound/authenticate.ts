import { setTimeout as wait } from 'node:timers/promises';
import type { Nonces } from '../clients/nonces.ts';
import { authenticateClient } from '../clients/authenticate-client.ts';
import type { Registry } from '../clients/registry.ts';
import { createFailedLoginThrottle } from '../clients/failed-login-throttle.ts';
import type { ClientAuthorities } from '../config/tls/tls-files.ts';
import { unidentified, type ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import type { ApiPath } from '../maas/api-path.ts';
import { needsNoSignature } from '../maas/operations/anonymous.ts';
import { fieldValues } from '../http/fields.ts';
import { Problem } from '../problem.ts';
import { createCertificateReader } from './client-certificate.ts';

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
 * Basic (`curl -u NAME:KEY`). OAuth clients are answered in MAAS's own words, which they know. The responses to repeated
 * failures are held back. With authorities for clients it is the certificate that counts, and no header.
 *
 * What MAAS answers to anybody may be asked without a key: MAAS's own clients begin with it. It goes to MAAS unsigned.
 */
export function createAuthentication({
  registry,
  nonces,
  clientAuthorities,
  anonymous,
}: AuthenticationOptions): Authenticate {
  if (registry === undefined) return () => unidentified;
  if (clientAuthorities !== undefined) {
    const readCertificate = createCertificateReader(registry, clientAuthorities);
    return (exchange, apiPath) => {
      const client = readCertificate(exchange, anonymous && isAnonymous(exchange, apiPath));
      return { client, isAnonymous: client === undefined };
    };
  }
  const throttle = createFailedLoginThrottle();
  async function authenticate(exchange: Exchange): Promise<ClientIdentity> {
    const { rawHeaders, headers } = exchange.request;
    if (fieldValues(rawHeaders, 'authorization').length > 1) {
      throw new Problem('malformed-request', 'The request must have one Authorization header, not several.');
    }
    try {
      const client = await authenticateClient(registry as Registry, nonces, headers.authorization);
      registry?.noteUse(client.client.consumer, Date.now());
      return { client, isAnonymous: false };
    } catch (error) {
      if (error instanceof Problem && error.code === 'client-unknown') {
        const late = throttle(exchange.peer ?? 'unix', Date.now());
        if (late > 0) {
          await wait(late);
          // What the client has sent meanwhile is not kept until it is refused.
          exchange.connection.mustClose = true;
        }
      }
      throw error;
    }
  }
  return (exchange, apiPath) =>
    anonymous && isAnonymous(exchange, apiPath) ? { client: undefined, isAnonymous: true } : authenticate(exchange);
}

/** Step 4: who sends the request. @throws {Problem} 401 */
export type Authenticate = (exchange: Exchange, apiPath: ApiPath) => ClientIdentity | Promise<ClientIdentity>;

/** Whether a request needs no key, and has none. A key that is presented is judged, also where none is needed. */
function isAnonymous({ method, request }: Exchange, apiPath: ApiPath): boolean {
  return request.headers.authorization === undefined && needsNoSignature(method, apiPath);
}

import { setTimeout as wait } from 'node:timers/promises';
import type { Nonces } from '../clients/nonces.ts';
import { authenticateClient } from '../clients/authenticate-client.ts';
import type { Registry } from '../clients/registry.ts';
import { createFailedLoginThrottle } from '../clients/failed-login-throttle.ts';
import type { ClientAuthorities } from '../config/tls/tls-files.ts';
import { unidentified, type ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { needsNoSignature } from '../maas/operations/anonymous.ts';
import { fieldValues } from '../http/fields.ts';
import { Problem } from '../problem.ts';
import type { Addressed } from './address.ts';
import { createCertificateReader } from './client-certificate.ts';

/** How clients prove who they are. */
export interface AuthenticationOptions {
  /** The clients; `undefined` if there is no clients file and requests need no key. */
  readonly registry: Registry | undefined;
  /** The nonces that have been used. */
  readonly nonces: Nonces;
  /** The current certificate authorities, if clients authenticate with certificates. */
  readonly clientAuthorities?: (() => ClientAuthorities) | undefined;
  /** Whether requests that MAAS answers anonymously need no key here either. */
  readonly anonymous: boolean;
}

/**
 * Step 4: which client's key is it? A client authenticates with the OAuth header that any MAAS client sends, with
 * `Bearer KEY`, or with Basic (`curl -u NAME:KEY`). OAuth clients get MAAS's own error texts, which they know.
 * Responses to repeated failures are delayed. If certificate authorities for clients are set, only the certificate
 * counts.
 *
 * Requests that MAAS answers anonymously may need no key: MAAS's own clients begin with them. They go to MAAS unsigned.
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
    return (exchange, addressed) => {
      const client = readCertificate(exchange, anonymous && isAnonymous(exchange, addressed));
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
          // What the client has sent meanwhile is discarded before the delay.
          exchange.connection.mustClose = true;
        }
      }
      throw error;
    }
  }
  return (exchange, addressed) =>
    anonymous && isAnonymous(exchange, addressed) ? { client: undefined, isAnonymous: true } : authenticate(exchange);
}

/** Step 4: authenticates the client. @throws {Problem} 401 */
export type Authenticate = (exchange: Exchange, addressed: Addressed) => ClientIdentity | Promise<ClientIdentity>;

/** Whether a request needs no key, and has none. A presented key is always checked. */
function isAnonymous({ request }: Exchange, { operation, apiPath }: Addressed): boolean {
  return request.headers.authorization === undefined && needsNoSignature(operation, apiPath);
}

import type { Socket } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { KnownClient, Registry } from '../clients/registry.ts';
import type { ClientAuthorities } from '../config/tls-files.ts';
import type { Exchange, Step } from '../exchange.ts';
import { Problem } from '../problem.ts';

/**
 * Step 4 of a gateway whose clients come with certificates: the common name of the certificate is the client's name in the
 * clients file. The handshake lets everybody in, and a wrong certificate is answered here: a TLS alert would leave the client
 * with its library's words for "handshake failure", where a sentence can say what is wrong.
 *
 * @param authorities those in force; asked for each request, so that one that is removed ends its clients' connections too
 * @param mayPass whether a request without a certificate is let pass
 */
export function certificate(
  registry: Registry,
  authorities: () => ClientAuthorities,
  mayPass: (exchange: Exchange) => boolean,
): Step {
  const presented = new WeakMap<TLSSocket, Presented>();
  return (exchange) => {
    const socket = exchange.request.socket as TLSSocket;
    let found = presented.get(socket);
    if (found === undefined) {
      found = readPresented(socket);
      presented.set(socket, found);
    }
    if (found.fault === 'none' && mayPass(exchange)) return;
    try {
      exchange.client = identify(found, registry, authorities());
    } catch (error) {
      // Another certificate needs another connection.
      exchange.mustClose = true;
      throw error;
    }
    registry.noteUse(exchange.client.client.consumer, Date.now());
  };
}

/** What a client has shown in its handshake. */
interface Presented {
  /** The code of what is wrong with it; empty where nothing is. */
  readonly fault: string;
  /** The certificate's common names. */
  readonly names: readonly string[];
  /** When it ends, ms since 1970. */
  readonly endsAt: number;
  /** SHA-256 of the certificate and of those above it. */
  readonly chain: readonly string[];
}

/**
 * Whether a connection broke because the certificate of its client is by another key than the authority of that name has. OpenSSL
 * leaves the error in its queue, and Node takes it for one of the next read, which finds nothing yet; so there is no request.
 */
export function isForgedCertificate(socket: Socket, code: string): socket is TLSSocket {
  return (
    /^ERR_(?:OSSL|SSL)_/.test(code) &&
    'authorizationError' in socket &&
    String(socket.authorizationError) === 'CERT_SIGNATURE_FAILURE'
  );
}

/** The refusal of a certificate that no authority of the gateway's has signed. */
export function untrustedCertificate(): Problem {
  return unproven(
    "The client certificate is from an authority that the gateway does not trust; use one that the gateway's operator has issued.",
  );
}

function readPresented(socket: TLSSocket): Presented {
  const shown = socket.getPeerCertificate(true);
  // There is an object also where there is no certificate.
  if ((shown.raw as Buffer | undefined) === undefined) return { fault: 'none', names: [], endsAt: 0, chain: [] };
  const chain: string[] = [];
  let next: DetailedPeerCertificate | undefined = shown;
  while (next?.fingerprint256 !== undefined && !chain.includes(next.fingerprint256)) {
    chain.push(next.fingerprint256);
    next = next.issuerCertificate;
  }
  return {
    fault: socket.authorized ? '' : String(socket.authorizationError),
    names: [shown.subject.CN as string | string[] | undefined].flat().filter((name) => name !== undefined),
    endsAt: Date.parse(shown.valid_to),
    chain,
  };
}

function identify(
  { fault, names, endsAt, chain }: Presented,
  registry: Registry,
  { fingerprints }: ClientAuthorities,
): KnownClient {
  const now = Date.now();
  if (fault === 'none') {
    throw unproven(
      'The gateway needs a client certificate, and there was none: send one with its key (curl: --cert FILE --key FILE).',
    );
  }
  if (fault === 'CERT_HAS_EXPIRED' || (fault === '' && endsAt <= now)) {
    throw unproven('The client certificate has expired; ask for a new one.');
  }
  if (fault === 'CERT_NOT_YET_VALID') {
    throw unproven(
      "The client certificate is not valid yet; check the clocks of the gateway and of the certificate's maker.",
    );
  }
  if (fault === 'INVALID_PURPOSE') {
    throw unproven('The certificate is not meant for clients: its extended key usage must hold "clientAuth".');
  }
  if (fault !== '' || !chain.some((fingerprint) => fingerprints.has(fingerprint))) {
    throw untrustedCertificate();
  }
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) {
    throw unproven('The client certificate must have one common name (CN), the name of a client of the gateway.');
  }
  const keys = registry.named(name);
  const found = keys.findLast((key) => key.endsAt > now);
  if (found !== undefined) return found;
  throw unproven(
    keys.length === 0
      ? 'The gateway knows no client by the common name (CN) of the certificate.'
      : 'The time of the client that the certificate names has ended; ask for a new key.',
  );
}

function unproven(sentence: string): Problem {
  // RFC 9110 §11.6.1 wants a challenge; none is registered for certificates.
  return new Problem('client-unknown', sentence, { challenge: 'Certificate realm="maas-auth-proxy"' });
}

import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket, type DetailedPeerCertificate } from 'node:tls';
import type { ActiveClient, Registry } from '../clients/registry.ts';
import type { ClientAuthorities } from '../config/tls/tls-files.ts';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';

/**
 * Step 4 of a gateway whose clients authenticate with certificates: the certificate's common name is the client's name
 * in the clients file. The handshake accepts every certificate, and a wrong one is refused here: a TLS alert would
 * leave the client with its library's words for "handshake failure", while a sentence can say what is wrong.
 *
 * @param authorities the current ones; read for each request, so that removing one ends its clients' connections too
 * @returns `undefined` for a request that has no certificate and needs none
 */
export function createCertificateReader(
  registry: Registry,
  authorities: () => ClientAuthorities,
): (exchange: Exchange, needsNone: boolean) => ActiveClient | undefined {
  const presented = new WeakMap<TLSSocket, Presented>();
  return (exchange, needsNone) => {
    const socket = exchange.request.socket as TLSSocket;
    let found = presented.get(socket);
    if (found === undefined) {
      found = readPresented(socket);
      presented.set(socket, found);
    }
    if (found.fault === 'none' && needsNone) return undefined;
    try {
      const client = identify(found, registry, authorities());
      registry.noteUse(client.client.consumer, Date.now());
      return client;
    } catch (error) {
      // Another certificate needs another connection.
      exchange.connection.mustClose = true;
      throw error;
    }
  };
}

/** What a client presented in its handshake. */
interface Presented {
  /** The code of the certificate's fault; empty if it has none. */
  readonly fault: string;
  /** The certificate's common names. */
  readonly names: readonly string[];
  /** When the certificate becomes valid and when it expires, ms since 1970. */
  readonly startsAt: number;
  readonly endsAt: number;
  /** SHA-256 of the certificate and of its issuers. */
  readonly chain: readonly string[];
  /** Whether the issuer has signed it: OpenSSL reports one fault only, and finds issuers by name. */
  readonly isGenuine: boolean;
}

/**
 * Whether a connection broke because the client's certificate is signed by another key than that of the authority with
 * the same name. OpenSSL leaves the error in its queue, and Node reports it for the next read, which finds nothing yet;
 * so there is no request.
 */
export function isForgedCertificate(socket: Socket, code: string): socket is TLSSocket {
  if (!/^ERR_(?:OSSL|SSL)_/.test(code) || !(socket instanceof TLSSocket) || socket.authorized) return false;
  const shown = socket.getPeerCertificate(true);
  return (shown.raw as Buffer | undefined) !== undefined && !isSignedByIssuer(shown);
}

/**
 * The refusal of a certificate that no authority of the gateway has signed.
 *
 * @param fault OpenSSL's code for it, for the log
 */
export function untrustedCertificate(fault: string): Problem {
  return unproven(
    "The client certificate is from an authority that the gateway does not trust; use one that the gateway's operator has issued.",
    `certificate of another authority${fault === '' ? '' : ` (${fault})`}`,
  );
}

function readPresented(socket: TLSSocket): Presented {
  const shown = socket.getPeerCertificate(true);
  // Node returns an object also if there is no certificate.
  if ((shown.raw as Buffer | undefined) === undefined) {
    return { fault: 'none', names: [], startsAt: 0, endsAt: 0, chain: [], isGenuine: false };
  }
  const chain: string[] = [];
  let next: DetailedPeerCertificate | undefined = shown;
  while (next?.fingerprint256 !== undefined && !chain.includes(next.fingerprint256)) {
    chain.push(next.fingerprint256);
    next = next.issuerCertificate;
  }
  return {
    fault: socket.authorized ? '' : String(socket.authorizationError),
    names: [shown.subject.CN as string | string[] | undefined].flat().filter((name) => name !== undefined),
    startsAt: Date.parse(shown.valid_from),
    endsAt: Date.parse(shown.valid_to),
    chain,
    isGenuine: socket.authorized || isSignedByIssuer(shown),
  };
}

function isSignedByIssuer({ raw, issuerCertificate }: DetailedPeerCertificate): boolean {
  try {
    return new X509Certificate(raw).verify(new X509Certificate(issuerCertificate.raw).publicKey);
  } catch {
    return false; // there is none, or OpenSSL cannot read it
  }
}

function identify(
  { fault, names, startsAt, endsAt, chain, isGenuine }: Presented,
  registry: Registry,
  { fingerprints }: ClientAuthorities,
): ActiveClient {
  const now = Date.now();
  if (fault === 'none') {
    throw unproven(
      'The gateway needs a client certificate, and there was none: send one with its key (curl: --cert FILE --key FILE).',
      'no certificate',
    );
  }
  const isOurs = isGenuine && chain.some((fingerprint) => fingerprints.has(fingerprint));
  const [name, ...more] = names;
  const keys = name === undefined || more.length > 0 ? [] : registry.named(name);
  // The name is not trusted if anybody could have made the certificate.
  const client = isOurs && keys.length > 0 ? name : undefined;
  if (fault === 'CERT_HAS_EXPIRED' || (fault === '' && endsAt <= now)) {
    throw unproven(
      'The client certificate has expired; ask for a new one.',
      `certificate expired on ${dateOf(endsAt)}`,
      client,
    );
  }
  if (fault === 'CERT_NOT_YET_VALID') {
    throw unproven(
      "The client certificate is not valid yet; check the clocks of the gateway and of the certificate's maker.",
      `certificate not valid before ${dateOf(startsAt)}`,
      client,
    );
  }
  if (fault === 'INVALID_PURPOSE') {
    throw unproven(
      'The certificate is not meant for clients: its extended key usage must hold "clientAuth".',
      'certificate not meant for clients',
      client,
    );
  }
  if (fault !== '' || !isOurs) throw untrustedCertificate(fault);
  if (name === undefined || more.length > 0) {
    throw unproven(
      'The client certificate must have one common name (CN), the name of a client of the gateway.',
      `certificate with ${names.length} common names`,
    );
  }
  const found = keys.findLast((key) => key.endsAt > now);
  if (found !== undefined) return found;
  if (keys.length === 0) {
    throw unproven(
      'The gateway knows no client by the common name (CN) of the certificate.',
      `no client of the common name ${JSON.stringify(name.slice(0, 64))}`,
    );
  }
  throw unproven(
    'The time of the client that the certificate names has ended; ask for a new key.',
    `expired on ${keys.at(-1)?.client.expires}`,
    client,
  );
}

function dateOf(ms: number): string {
  return Number.isNaN(ms) ? 'a day that cannot be read' : new Date(ms).toISOString();
}

/** @param cause only for the log, like the client that the certificate names */
function unproven(sentence: string, cause: string, client?: string): Problem {
  // RFC 9110 §11.6.1 wants a challenge; none is registered for certificates.
  return new Problem('client-unknown', sentence, { challenge: 'Certificate realm="maas-auth-proxy"', cause, client });
}

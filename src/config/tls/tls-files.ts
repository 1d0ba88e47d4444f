import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { readCertificates } from './certificates-file.ts';
import { readSettingFile, type NamedFile, type ReadText } from '../files.ts';
import { SettingError } from '../values.ts';
import { certificateBlocks } from './pem.ts';

/** The certificate that the proxy presents to its clients, with its key, in PEM. */
export interface ServerCertificate {
  /** The certificate, and its intermediate certificates. */
  readonly cert: string;
  readonly key: string;
  /** When it expires, ms since 1970. */
  readonly endsAt: number;
  /** Its names, as the certificate writes them: `DNS:maas.example, IP Address:10.0.0.5`. */
  readonly names: string;
}

/** The authorities that issue clients' certificates. */
export interface ClientAuthorities {
  readonly pem: string;
  /** The SHA-256 of each. */
  readonly fingerprints: ReadonlySet<string>;
}

/**
 * Reads a certificate and its key, and checks that they match.
 *
 * @throws {SettingError} which of the two files is unusable, and why
 */
export function readServerCertificate(
  certFile: string,
  keyFile: string,
  read: ReadText = readSettingFile,
): ServerCertificate {
  const cert = readCertificates(certFile, read);
  const key = readKeyText(certFile, keyFile, read);
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(parseKey(certFile, keyFile, key))) {
    throw new SettingError(
      `names the file ${certFile}, whose first certificate does not belong to the key in ${keyFile}; put the server's own certificate first, followed by its intermediate certificates`,
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch {
    throw new SettingError(`names the file ${certFile}, whose certificate or key is too weak, or not fit for TLS`);
  }
  return { cert, key, endsAt: Date.parse(certificate.validTo), names: certificate.subjectAltName ?? 'no name' };
}

/**
 * Reads the authorities for clients.
 *
 * @throws {SettingError} if the file contains none
 */
export function readClientAuthorities(file: string, read: ReadText = readSettingFile): ClientAuthorities {
  const pem = readCertificates(file, read);
  const blocks = certificateBlocks(pem);
  return { pem, fingerprints: new Set(blocks.map((block) => new X509Certificate(block).fingerprint256)) };
}

/** The two files of a server's certificate. */
export interface CertificateFiles {
  readonly cert: NamedFile;
  readonly key: NamedFile;
}

function readKeyText(certFile: string, keyFile: string, read: ReadText): string {
  try {
    return read(keyFile);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new SettingError(`names the file ${certFile}, and for its key ${error.message.replace(/^names /, '')}`);
  }
}

function parseKey(certFile: string, keyFile: string, pem: string): KeyObject {
  const start = `names the file ${certFile}, and for its key the file ${keyFile}, which`;
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(pem)) {
    throw new SettingError(`${start} holds no private key in PEM ("-----BEGIN PRIVATE KEY-----")`);
  }
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new SettingError(
      `${start} is encrypted; decrypt it with "openssl pkey -in FILE -out FILE", and chmod 600 it`,
    );
  }
  try {
    return createPrivateKey(pem);
  } catch {
    throw new SettingError(`${start} holds a private key that cannot be read`);
  }
}

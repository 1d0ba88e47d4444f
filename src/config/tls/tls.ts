import { namedFile, othersMayRead, type NamedFile } from '../files.ts';
import type { Found, Layers } from '../layers/layers.ts';
import type { Remark } from '../remark.ts';
import {
  readClientAuthorities,
  readServerCertificate,
  type CertificateFiles,
  type ClientAuthorities,
  type ServerCertificate,
} from './tls-files.ts';

/** The certificate and authorities for https. */
export interface Tls {
  readonly certificate: ServerCertificate;
  /** Clients authenticate with a certificate from one of these authorities. */
  readonly authorities: ClientAuthorities | undefined;
}

/** The same, with the files. */
export interface ChosenTls {
  readonly tls: Tls;
  readonly files: CertificateFiles;
  readonly clientCa: NamedFile | undefined;
}

/**
 * Reads the TLS options of the https listener.
 *
 * @param attempt reads a file, and notes mistakes
 * @returns `undefined` for plain http
 */
export function chooseTls(
  layers: Layers,
  attempt: <Value>(about: 'certificate' | 'client-ca', source: string, read: () => Value) => Value | undefined,
  warnings: Remark[],
  mistakes: Remark[],
): ChosenTls | undefined {
  const [cert, key, clientCa] = (['tlsCertFile', 'tlsKeyFile', 'clientCaFile'] as const).map((name) =>
    layers.found.get(name),
  );
  const wrong = findContradiction(layers, cert, key, clientCa);
  if (wrong !== undefined) mistakes.push({ about: 'certificate', text: wrong });
  if (wrong !== undefined || cert === undefined || key === undefined) return undefined;

  const certificate = attempt('certificate', cert.source, () => readServerCertificate(cert.text, key.text));
  const authorities = clientCa && attempt('client-ca', clientCa.source, () => readClientAuthorities(clientCa.text));
  if (certificate === undefined) return undefined;
  const warn = (text: string): void => void warnings.push({ about: 'certificate', text });
  if (certificate.endsAt <= Date.now())
    warn(`The certificate in ${cert.text} has expired; clients will not accept it.`);
  if (othersMayRead(key.text))
    warn(`Every user of this machine may read the private key in ${key.text}; chmod 600 it.`);
  return {
    tls: { certificate, authorities },
    files: { cert: namedFile(cert), key: namedFile(key) },
    clientCa: clientCa && namedFile(clientCa),
  };
}

function findContradiction(
  { found, wording }: Layers,
  cert: Found | undefined,
  key: Found | undefined,
  clientCa: Found | undefined,
): string | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    return `${(cert ?? key)?.source} is set, and ${wording.names(cert === undefined ? 'tlsCertFile' : 'tlsKeyFile')} is not; https needs both.`;
  }
  if (cert !== undefined && found.has('socket')) {
    return `${cert.source} and ${found.get('socket')?.source} are both set; a unix socket needs no https, so keep one of them.`;
  }
  if (clientCa === undefined) return undefined;
  if (cert === undefined) {
    return `${clientCa.source} is set, and ${wording.names('tlsCertFile')} is not; clients can send certificates only over https.`;
  }
  if (!found.has('clientsFile')) {
    return `${clientCa.source} is set, and ${wording.names('clientsFile')} is not; it holds the names of the clients.`;
  }
  return undefined;
}

import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

/** Where Linux distributions and BSDs keep the system's certificate authorities, as one PEM file. */
const systemFiles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Alpine
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/cert.pem', // macOS, BSD
];

/**
 * The TLS options of a connection to MAAS.
 *
 * @param added PEM text of `--ca-file`
 */
export function trustingContext(added: string | undefined): SecureContext {
  return createSecureContext({ ca: trustedAuthorities(added), minVersion: 'TLSv1.2' });
}

/**
 * The certificate authorities that are trusted for MAAS's certificate: the system's (Node's own if the system has
 * none), those of `NODE_EXTRA_CA_CERTS`, and those of the configuration.
 *
 * @param added PEM text of `--ca-file`
 * @returns PEM texts, each with one or more certificates
 */
function trustedAuthorities(added: string | undefined): string[] {
  const system = readFirst([process.env['SSL_CERT_FILE'], ...systemFiles]);
  const extra = readFirst([process.env['NODE_EXTRA_CA_CERTS']]);
  return [
    ...(system === undefined ? rootCertificates : [system]),
    ...(extra === undefined ? [] : [extra]),
    ...(added === undefined ? [] : [added]),
  ];
}

function readFirst(files: readonly (string | undefined)[]): string | undefined {
  for (const file of files) {
    if (file === undefined || file === '') continue;
    try {
      return readFileSync(file, 'utf8');
    } catch {
      continue; // each system has one of these files and lacks the others
    }
  }
  return undefined;
}

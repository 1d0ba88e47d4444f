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
 * What a TLS connection to MAAS is made with.
 *
 * @param added PEM text of `--ca-file`
 */
export function trustingContext(added: string | undefined): SecureContext {
  return createSecureContext({ ca: trustedAuthorities(added), minVersion: 'TLSv1.2' });
}

/**
 * The certificate authorities that MAAS's certificate may come from: the system's (Node's own where the system has
 * none), those of `NODE_EXTRA_CA_CERTS`, and what the configuration adds.
 *
 * @param added PEM text of `--ca-file`
 * @returns PEM texts, each one or more certificates
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

// Describes a certificate, and what is wrong with it. Nothing here opens a connection.
import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type DetailedPeerCertificate } from 'node:tls';
import { printable } from '../output/printable.ts';
import { certificateBlocks } from '../config/tls/pem.ts';

/** A certificate as it was presented in a TLS handshake, and the result of its verification. */
export interface Presented {
  readonly host: string;
  readonly port: number;
  /** The server's certificate, linked to its issuers. */
  readonly certificate: DetailedPeerCertificate;
  /** OpenSSL's name of the first fault, such as `CERT_HAS_EXPIRED`; empty if there is none. */
  readonly fault: string;
  /** PEM text of the authorities that the configuration adds. */
  readonly ca: string | undefined;
}

/** A fault of a certificate, with its remedy. */
export interface CertificateFault {
  readonly status: 'warning' | 'error';
  readonly detail: string;
  readonly remedy: string;
}

const day = 86_400_000;
const soon = 30;

/** The server's name, its issuer and the last day. */
export function describeCertificate({ certificate }: Presented, now: number): string {
  const { subject, issuer } = certificate;
  const days = Math.floor((Date.parse(certificate.valid_to) - now) / day);
  const left = days < 0 ? '' : ` (${days} ${days === 1 ? 'day' : 'days'} left)`;
  const by = nameOf(subject) === nameOf(issuer) ? 'self-signed' : `issued by ${nameOf(issuer)}`;
  return `${nameOf(subject)}, ${by}, valid until ${dateOf(certificate.valid_to)}${left}`;
}

/** The authority that the certificate is trusted by. */
export function trustedBy({ certificate, ca }: Presented): string {
  const root = chainOf(certificate).at(-1)?.fingerprint256;
  return authorities(ca).some(({ fingerprint256 }) => fingerprint256 === root)
    ? 'trusted by the CA file'
    : 'trusted by this system';
}

/** All faults, the worst first. */
export function faultsOf(presented: Presented, now: number): CertificateFault[] {
  return [validity(presented, now), identity(presented), trust(presented)].filter((one) => one !== undefined);
}

function validity({ certificate }: Presented, now: number): CertificateFault | undefined {
  for (const [index, one] of chainOf(certificate).entries()) {
    const which = index === 0 ? 'the certificate' : `the certificate of ${nameOf(one.subject)} in its chain`;
    const clock = `this machine's clock, which says ${dateOf(now)}`;
    if (Date.parse(one.valid_to) < now) {
      const detail = `${which} has expired on ${dateOf(one.valid_to)}`;
      return { status: 'error', detail, remedy: `Renew it on MAAS ("maas config-tls enable"), or set right ${clock}.` };
    }
    if (Date.parse(one.valid_from) > now) {
      const detail = `${which} is valid only from ${dateOf(one.valid_from)} on`;
      return { status: 'error', detail, remedy: `Set right ${clock}.` };
    }
    if (Date.parse(one.valid_to) < now + soon * day) {
      const detail = `${which} expires on ${dateOf(one.valid_to)}`;
      return { status: 'warning', detail, remedy: 'Renew it on MAAS before that day ("maas config-tls enable").' };
    }
  }
  return undefined;
}

function identity({ host, certificate }: Presented): CertificateFault | undefined {
  if (checkServerIdentity(host, certificate) === undefined) return undefined;
  const names = namesOf(certificate);
  return {
    status: 'error',
    detail: `the certificate is not for ${host}, but for ${names}`,
    remedy: `Use a name of the certificate in MAAS_URL, or have one made on MAAS that names ${host}.`,
  };
}

function trust({ host, port, certificate, fault, ca }: Presented): CertificateFault | undefined {
  // Expiry and name are checked above; a fault of those says nothing about the issuer.
  if (fault === '' || fault === 'ERR_TLS_CERT_ALTNAME_INVALID' || /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/.test(fault)) {
    return undefined;
  }
  const chain = chainOf(certificate);
  const last = chain.at(-1) ?? certificate;
  const configured = authorities(ca).map(({ subject }) => nameOf(Object.fromEntries(lines(subject))));
  const tried = configured.length === 0 ? '' : `; the CA file holds ${configured.join(', ')}`;
  const fetch = `openssl s_client -connect ${host.includes(':') ? `[${host}]` : host}:${port} -showcerts </dev/null 2>/dev/null`;
  const compare = `compare its SHA-256 fingerprint with the one on the MAAS server: ${last.fingerprint256}`;
  switch (fault) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return {
        status: 'error',
        detail: `the certificate is self-signed, and this machine does not trust it${tried}`,
        remedy: [
          `Save it: ${fetch} | openssl x509 > maas-ca.pem`,
          `Then ${compare}`,
          'Then name it by --ca-file maas-ca.pem (MAAS_CA_FILE).',
        ].join('\n'),
      };
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return {
        status: 'error',
        detail: `the chain ends in ${nameOf(last.subject)}, which this machine does not trust${tried}`,
        remedy: [
          `Save the chain: ${fetch} | sed -n '/BEGIN CERT/,/END CERT/p' > maas-ca.pem`,
          `Its last certificate is that of ${nameOf(last.subject)}; ${compare}`,
          'Then name it by --ca-file maas-ca.pem (MAAS_CA_FILE).',
        ].join('\n'),
      };
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_UNTRUSTED':
      return {
        status: 'error',
        detail: `the chain ends in issuer ${nameOf(last.issuer)}, which this machine does not trust${tried}`,
        remedy:
          `Name the file with the certificate of ${nameOf(last.issuer)} in PEM by --ca-file (MAAS_CA_FILE). MAAS does not ` +
          "send it; whoever made MAAS's certificate has it.",
      };
    default:
      return {
        status: 'error',
        detail: `the certificate does not pass the verification (${printable(fault)})`,
        remedy: 'Have a new certificate made for MAAS.',
      };
  }
}

/** A certificate and its issuers, as far as the server or this machine has them. */
function chainOf(certificate: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = certificate;
  while (next?.fingerprint256 !== undefined && !chain.includes(next)) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

function authorities(pem = ''): X509Certificate[] {
  return certificateBlocks(pem).flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return []; // an unreadable certificate cannot be an issuer
    }
  });
}

function lines(subject: string): [string, string][] {
  return subject.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  });
}

function nameOf(name: { readonly [part: string]: string | readonly string[] | undefined }): string {
  const part = ['CN', 'O', 'OU'].find((candidate) => name[candidate] !== undefined);
  return part === undefined ? 'an unnamed party' : printable(`${part}=${[name[part]].flat().join(' ')}`);
}

function namesOf({ subject, subjectaltname = '' }: DetailedPeerCertificate): string {
  const names = subjectaltname.split(', ').flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? []);
  if (names.length === 0) return nameOf({ ...subject });
  return `${names.slice(0, 8).map(printable).join(', ')}${names.length > 8 ? ' …' : ''}`;
}

function dateOf(time: string | number): string {
  return new Date(time).toISOString().slice(0, 10);
}

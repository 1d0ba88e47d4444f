// The steps for the TLS options of the proxy's own https listener.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Draft } from '../config/configuration.ts';
import { printable } from '../output/printable.ts';
import { failed, type Finding } from './finding.ts';
import { about } from './configured.ts';
import { certificateBlocks } from '../config/tls/pem.ts';

const day = 86_400_000;

/** Certificates that expire within so many days get a warning. */
const soon = 30;

/** Do certificate and key match, is the certificate valid now, and does it have the names that clients use? */
export function checkCertificate({ tls, files, values, mistakes, warnings }: Draft): Finding {
  const wrong = about(mistakes, 'certificate');
  if (wrong !== undefined || tls === undefined) return failed((wrong ?? 'cannot be used').replace(/\.$/, ''));
  const { cert, names, endsAt } = tls.certificate;
  const left = Math.floor((endsAt - Date.now()) / day);
  const own = new X509Certificate(cert);
  const others = values.allowedHosts.filter((name) => name !== '*' && !isFor(own, name));
  const remedies = [
    about(warnings, 'certificate'),
    left >= 0 && left < soon ? `It ends in ${left} ${left === 1 ? 'day' : 'days'}; have a new one made.` : undefined,
    others.length > 0
      ? `It is not for ${others.join(', ')}, which --allowed-hosts (ALLOWED_HOSTS) names: clients that call the proxy so will refuse it.`
      : undefined,
  ].filter((remedy) => remedy !== undefined);
  return {
    status: endsAt <= Date.now() ? 'error' : remedies.length === 0 ? 'ok' : 'warning',
    detail: `${files.tls?.cert.file}, ${printable(names)}, valid until ${dateOf(endsAt)}, with its key`,
    remedy: remedies.length === 0 ? undefined : remedies.join('\n'),
  };
}

function isFor(certificate: X509Certificate, name: string): boolean {
  const bare = name.replaceAll(/^\[|\]$/g, '');
  // Each of the two throws for the other kind of name.
  return (isIP(bare) === 0 ? certificate.checkHost(bare) : certificate.checkIP(bare)) !== undefined;
}

/** Are there authorities for clients' certificates, and are they valid now? */
export function checkClientCa({ tls, files, mistakes }: Draft): Finding {
  const wrong = about(mistakes, 'client-ca');
  if (wrong !== undefined) return failed(wrong.replace(/\.$/, ''));
  const { clientCa } = files;
  if (tls?.authorities === undefined || clientCa === undefined) {
    return { status: 'skipped', detail: 'not looked at, because of certificate' };
  }
  const all = certificateBlocks(tls.authorities.pem).map((block) => new X509Certificate(block));
  const ended = all.filter(({ validTo }) => Date.parse(validTo) <= Date.now());
  const strange = all.filter(({ ca }) => !ca);
  const remedies = [
    ...ended.map(({ subject, validTo }) => `${nameOf(subject)} has expired on ${dateOf(Date.parse(validTo))}.`),
    ...strange.map(
      ({ subject }) =>
        `${nameOf(subject)} is no authority (basicConstraints CA:TRUE is missing), so it vouches for nobody.`,
    ),
  ];
  return {
    status: remedies.length === 0 ? 'ok' : ended.length === all.length ? 'error' : 'warning',
    detail: `${clientCa.file}, ${all.map(({ subject }) => nameOf(subject)).join(', ')}`,
    remedy: remedies.length === 0 ? undefined : remedies.join('\n'),
  };
}

function nameOf(subject: string): string {
  return printable(subject.split('\n').at(-1) ?? '');
}

function dateOf(moment: number): string {
  return new Date(moment).toISOString().slice(0, 10);
}

// The steps that need no network: they check the configuration.
import { isIP } from 'node:net';
import { othersMayWrite } from '../clients/warnings.ts';
import type { Draft } from '../config/configuration.ts';
import type { Remark } from '../config/remark.ts';
import type { ApiKey } from '../maas/api-key.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import { explainIdleRules } from '../policy/known-operations.ts';
import { failed, reasonAndRemedy, type Finding } from './finding.ts';

const copyKey =
  'Copy the whole key from MAAS, user name, "API keys": 18, 18 and 32 letters and digits between two colons.';

/** Is there an API key, and does it look like MAAS's? */
export function checkKeyFormat({ key: configured, mistakes, warnings }: Draft): Finding<ApiKey> {
  const wrong = about(mistakes, 'key', 'profile');
  if (wrong !== undefined || configured === undefined) {
    const { reason, remedy } = reasonAndRemedy(wrong ?? 'there is no API key');
    return failed(reason, remedy ?? copyKey);
  }
  const { key, keySource } = configured;
  const remedies = [
    about(warnings, 'key'),
    key.hasUsualShape ? undefined : `MAAS makes keys of 18, 18 and 32. ${copyKey}`,
  ];
  const remedy = remedies.filter((one) => one !== undefined).join('\n');
  return {
    status: remedy === '' ? 'ok' : 'warning',
    detail: `${key.shape}, ${key.fingerprint}, from ${keySource}`,
    remedy: remedy === '' ? undefined : remedy,
    found: key,
  };
}

/** Is there an address of MAAS, and do scheme and port match? */
export function checkAddress(maas: MaasAddress | undefined, { mistakes, values }: Draft): Finding<MaasAddress> {
  const wrong = about(mistakes, 'address', 'profile');
  if (wrong !== undefined || maas === undefined) {
    const { reason, remedy } = reasonAndRemedy(wrong ?? "MAAS's address is not known");
    return failed(reason, remedy ?? 'It is what the browser shows for MAAS, up to /MAAS.');
  }
  if (isOwn(maas, values)) {
    return failed(
      `${maas.href} is the address that the proxy itself listens on`,
      'Set MAAS_URL to the address of MAAS itself (port 5240 on most), or the proxy to another port.',
    );
  }
  const { port, protocol } = new URL(maas.origin);
  const remedy =
    port === '5443' && protocol === 'http:'
      ? '5443 is where MAAS usually speaks https: write https:// if so.'
      : port === '5240' && protocol === 'https:'
        ? '5240 is where MAAS usually speaks plain http; its https port is 5443.'
        : undefined;
  return { status: remedy === undefined ? 'ok' : 'warning', detail: maas.href, remedy, found: maas };
}

/** Is the policy file valid, does each rule match something, and is the file writable for its owner only? */
export function checkPolicy({ values: { policy }, files, mistakes }: Draft): Finding {
  const wrong = about(mistakes, 'policy');
  if (wrong !== undefined) return failed(wrong.replace(/\.$/, ''));
  const warnings = [
    ...explainIdleRules(policy, 'It'),
    ...(files.policy === undefined ? [] : othersMayWrite(files.policy.file, 'change what may be done')),
  ];
  const detail = `${policy.rules.length} rules, from ${policy.name}`;
  return warnings.length === 0 ? { status: 'ok', detail } : { status: 'warning', detail, remedy: warnings.join('\n') };
}

const loopback = /^(?:localhost|127\.0\.0\.1|::1)$/;

/** Whether the proxy would listen there: its requests would come back to it. */
function isOwn(maas: MaasAddress, { host, port, socket }: Draft['values']): boolean {
  const to = endpoint(maas);
  if (socket !== undefined || to.port !== port) return false;
  return (
    to.host === host ||
    (loopback.test(to.host) && /^(?:0\.0\.0\.0|::)$/.test(host)) ||
    (loopback.test(to.host) && loopback.test(host))
  );
}

/** The host and the port of the connection: without brackets, and with the scheme's default port if none is written. */
export function endpoint({ origin }: MaasAddress): { host: string; port: number; secure: boolean } {
  const { hostname, port, protocol } = new URL(origin);
  const secure = protocol === 'https:';
  const bare = hostname.replaceAll(/^\[|\]$/g, '');
  return { host: isIP(bare) === 6 ? bare : hostname, port: port === '' ? (secure ? 443 : 80) : Number(port), secure };
}

/** The remarks about certain subjects as one text. */
export function about(remarks: readonly Remark[], ...matters: Remark['about'][]): string | undefined {
  const found = remarks.filter((remark) => matters.includes(remark.about)).map(({ text }) => text);
  return found.length === 0 ? undefined : found.join('\n');
}

// The steps below HTTP: can MAAS be reached?
import { lookup } from 'node:dns/promises';
import { BlockList, connect, isIP } from 'node:net';
import type { MaasAddress } from '../maas/maas-address.ts';
import { toProblem } from '../upstream/errors.ts';
import { failed, reasonAndRemedy, type Finding } from './finding.ts';
import { endpoint } from './configured.ts';

/** How long a lookup or a connection may take, ms. */
export const stepTimeoutMs = 5_000;

/** MAAS's address, and the IP addresses behind its name. */
export interface Located {
  readonly maas: MaasAddress;
  readonly addresses: readonly string[];
}

/** Which IP addresses does the name have? */
export async function resolveName(maas: MaasAddress): Promise<Finding<Located>> {
  const { host } = endpoint(maas);
  if (isIP(host) !== 0) {
    return { status: 'skipped', detail: `not needed, ${host} is an IP address`, found: { maas, addresses: [host] } };
  }
  try {
    const found = await withinPatience(lookup(host, { all: true }));
    if (found === 'late') return failed(`no answer about ${host} within 5 s`, "Check this machine's DNS servers.");
    const addresses = [...new Set(found.map(({ address }) => address))];
    return { status: 'ok', detail: `${host} is ${addresses.join(', ')}`, found: { maas, addresses } };
  } catch (error) {
    const { reason, remedy } = reasonAndRemedy(toProblem(error).message);
    return failed(`${host}: ${reason}`, remedy);
  }
}

/** Does a program accept connections there? */
export async function openConnection(located: Located): Promise<Finding<Located>> {
  const { host, port } = endpoint(located.maas);
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => done(notAccepted(host, port)), stepTimeoutMs);
    const done = (finding: Finding<Located>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(finding);
    };
    socket.on('connect', () => {
      const took = Math.max(1, Math.round(performance.now() - started));
      done({ status: 'ok', detail: `${socket.remoteAddress} port ${port} in ${took} ms`, found: located });
    });
    socket.on('error', (error) => {
      const { reason, remedy } = reasonAndRemedy(toProblem(error).message);
      done(failed(`${host} port ${port}: ${reason}`, remedy));
    });
  });
}

function notAccepted(host: string, port: number): Finding<never> {
  return failed(
    `${host} port ${port} did not accept the connection within 5 s`,
    'Check the address; a firewall that drops packets looks like this, and so does a machine that is off.',
  );
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Would the secret, which PLAINTEXT signatures contain (RFC 5849 §3.4.4), cross a network unencrypted? */
export function checkClearText({ maas, addresses }: Located): Finding {
  if (endpoint(maas).secure) return { status: 'ok', detail: 'no, https' };
  if (addresses.every((address) => loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'))) {
    return { status: 'ok', detail: 'http, but it does not leave this machine' };
  }
  return {
    status: 'warning',
    detail: 'the API key crosses the network in clear text',
    remedy: 'Use https: "maas config-tls enable" on MAAS turns it on, then name its https address (port 5443 on most).',
  };
}

async function withinPatience<Value>(promise: Promise<Value>): Promise<Value | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), stepTimeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

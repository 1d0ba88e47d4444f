import { isIPv6, type Socket } from 'node:net';

/**
 * The address at the other end of a connection; `undefined` on a unix socket. A socket that listens on `::` sees IPv4
 * clients as `::ffff:192.0.2.1`.
 */
export function peerAddress({ remoteAddress }: Socket): string | undefined {
  return remoteAddress && plainAddress(remoteAddress);
}

/** An address as its host knows it: `192.0.2.1` for `::ffff:192.0.2.1`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/**
 * The key by which addresses are counted. An IPv6 host can choose from a whole /64 (RFC 7421 §4), so the /64 counts:
 * `2001:db8:0:1::/64`. IPv4 in the form of IPv6 is IPv4 (RFC 4291 §2.5.5.2). Of link-local addresses each counts,
 * because all hosts on a link have one /64.
 */
export function addressBlock(address: string): string {
  if (!isIPv6(address)) return address;
  const plain = address.split('%', 1)[0] as string;
  const groups = groupsOf(plain);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  }
  if (((groups[0] as number) & 0xffc0) === 0xfe80) return address.toLowerCase();
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight groups of an IPv6 address. Its end may be written as IPv4. */
function groupsOf(address: string): number[] {
  const ipv4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [a = 0, b = 0, c = 0, d = 0] = ipv4?.slice(1).map(Number) ?? [];
  const text =
    ipv4 === null
      ? address
      : `${address.slice(0, ipv4.index)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  const [before = [], after = []] = text
    .split('::')
    .map((side) => (side === '' ? [] : side.split(':').map((group) => Number.parseInt(group, 16))));
  return text.includes('::')
    ? [...before, ...Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => 0), ...after]
    : before;
}

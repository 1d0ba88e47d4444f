import type { Socket } from 'node:net';

/**
 * The address at the other end of a connection, `undefined` on a unix socket. A socket that listens on `::` sees IPv4
 * clients as `::ffff:192.0.2.1`; they know themselves as `192.0.2.1`.
 */
export function peerAddress({ remoteAddress }: Socket): string | undefined {
  return remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, '');
}

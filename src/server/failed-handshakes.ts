import type { Server, Socket } from 'node:net';
import type { Logger } from 'pino';
import { trackHandshakes } from './handshakes.ts';
import { peerAddress } from '../http/peer.ts';
import { Problem } from '../problem.ts';
import { rejectAndClose } from './malformed-input.ts';

/**
 * Says what is wrong where no TLS connection has come about: to the log, and where somebody speaks plain http to the https port,
 * to him too. Who connects and leaves, as probes of load balancers do, is not worth a line.
 */
export function reportFailedHandshakes(server: Server, log: Logger): void {
  const handshakes = trackHandshakes(server);
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const below = handshakes.below(socket);
    if (error.code === 'ERR_SSL_HTTP_REQUEST' && below !== undefined) {
      const problem = new Problem(
        'malformed-request',
        'This port speaks https, not plain http; write https:// in the address.',
      );
      rejectAndClose(log, below, problem, 'plain http, and this port speaks https');
    } else if (error.code !== 'ECONNRESET') {
      log.info({ peer: peerAddress(socket), cause: error.code }, 'no TLS connection');
    }
  });
}

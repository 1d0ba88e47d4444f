import type { Server, Socket } from 'node:net';
import type { Logger } from 'pino';
import { handshakesOf } from './handshakes.ts';
import { peerAddress } from '../http/peer.ts';
import { Problem } from '../problem.ts';
import { rejectAndClose } from './malformed-input.ts';

/**
 * Explains a failed TLS handshake: to the log, and, if the client speaks plain http to the https port, to the client
 * too. A client that connects and disconnects, as probes of load balancers do, is not logged.
 */
export function reportFailedHandshakes(server: Server, log: Logger): void {
  const handshakes = handshakesOf(server);
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

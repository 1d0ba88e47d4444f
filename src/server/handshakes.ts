import type { Server, Socket } from 'node:net';

/** The TLS handshakes in progress. */
export interface Handshakes {
  /** The TCP connection below a TLS socket whose handshake has failed. */
  below(socket: Socket): Socket | undefined;
  /** Closes all of them. */
  destroy(): void;
}

/**
 * The handshakes of a server, which are tracked from the first call on, by the client's address and port: for each connection, TCP and TLS have a socket object
 * each.
 */
export function handshakesOf(server: Server): Handshakes {
  const tracked = handshakes.get(server) ?? trackHandshakes(server);
  handshakes.set(server, tracked);
  return tracked;
}

const handshakes = new WeakMap<Server, Handshakes>();

function trackHandshakes(server: Server): Handshakes {
  const open = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    open.set(peer, socket);
    socket.once('close', () => {
      if (open.get(peer) === socket) open.delete(peer);
    });
  });
  server.on('secureConnection', (socket: Socket) => open.delete(peerOf(socket)));
  return {
    below: (socket) => open.get(peerOf(socket)),
    destroy() {
      for (const socket of open.values()) socket.destroy();
    },
  };
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

import type { Server, Socket } from 'node:net';

/** The TLS handshakes of a server that are under way. */
export interface Handshakes {
  /** The TCP connection below a TLS socket whose handshake has not ended well. */
  below(socket: Socket): Socket | undefined;
  /** Ends them all. */
  destroy(): void;
}

/** Keeps track of a server's handshakes, by the client's address and port: of TCP and TLS each connection has a socket object. */
export function trackHandshakes(server: Server): Handshakes {
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

import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a server, and how to end them without cutting an answer. */
export interface Connections {
  /** Whether the server is stopping. */
  readonly draining: boolean;
  /** How many are open. */
  count(): number;
  /**
   * Stops accepting, ends idle and never-used connections at once, and the others after their answer.
   *
   * @param deadline ms after which what is left is cut
   * @returns how many requests were cut
   */
  drain(deadline: number): Promise<number>;
}

/**
 * Keeps track of a server's connections. `server.close()` alone would wait for a connection on which no request ever
 * came, or for an endless answer.
 */
export function trackConnections(server: Server): Connections {
  const busy = new Map<Socket, Set<ServerResponse>>();
  let draining = false;
  server.on('connection', (socket: Socket) => {
    busy.set(socket, new Set());
    socket.once('close', () => busy.delete(socket));
  });
  server.prependListener('request', (request, response: ServerResponse) => {
    const { socket } = request;
    const responses = busy.get(socket);
    responses?.add(response);
    if (draining) response.shouldKeepAlive = false;
    response.once('close', () => {
      responses?.delete(response);
      if (draining && responses?.size === 0) socket.end();
    });
  });
  return {
    get draining() {
      return draining;
    },
    count: () => busy.size,
    async drain(deadline) {
      draining = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const [socket, responses] of busy) {
        if (responses.size === 0) socket.end(() => socket.destroy());
        for (const response of responses) response.shouldKeepAlive = false;
      }
      let cut = 0;
      const timer = setTimeout(() => {
        for (const [socket, responses] of busy) {
          cut += responses.size;
          socket.destroy();
        }
      }, deadline);
      await closed;
      clearTimeout(timer);
      return cut;
    },
  };
}

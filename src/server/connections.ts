import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate as afterPoll, setTimeout as wait } from 'node:timers/promises';
import { Server as TlsServer } from 'node:tls';
import { handshakesOf } from './handshakes.ts';

/** The connections of a server, and how to close them without cutting off a response. */
export interface Connections {
  /** Whether the server is stopping. */
  readonly draining: boolean;
  /** How many are open. */
  count(): number;
  /**
   * Stops accepting, and closes each connection after the response to what its client has sent, or is about to send.
   *
   * @param deadline ms after which the remaining connections are closed
   * @returns how many requests were cut off
   */
  drain(deadline: number): Promise<number>;
}

/** How long a connection may be idle between two requests, ms: longer than the 60 s of common load balancers. */
export const keepAliveTimeoutMs = 72_000;

/**
 * How long a stopping server still reads from connections without a request, ms. A client may have sent one just now,
 * and can only repeat it if it is a read (RFC 9112 §9.3.1): closing immediately would lose a write in a rolling
 * restart.
 */
const lastCall = 1_000;

/**
 * How long no new connection must have come before a stopping server closes its port, ms. Connections that the kernel
 * has accepted, but the server not yet, would be reset; after this time a load balancer has seen `/readyz` change.
 */
const calm = 50;

/** The state of a connection. */
interface Use {
  /** The responses that are not finished. */
  readonly responses: ServerResponse[];
  /** The bytes that had been read when the last response finished: more bytes mean that the next request has begun. */
  bytesRead: number;
}

/**
 * Tracks a server's connections. `server.close()` alone would immediately close those without a request, and wait for a
 * connection on which no request ever came, or for an endless response.
 */
export function trackConnections(server: Server): Connections {
  const open = new Map<Socket, Use>();
  let accepted = 0;
  let draining = false;
  let isLastCallOver = false;
  const isTls = server instanceof TlsServer;
  const handshakes = isTls ? handshakesOf(server) : undefined;
  server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    open.set(socket, { responses: [], bytesRead: 0 });
    socket.once('close', () => open.delete(socket));
  });
  server.on('connection', () => {
    accepted += 1;
  });
  server.prependListener('request', (request, response: ServerResponse) => {
    const { socket } = request;
    const use = open.get(socket);
    use?.responses.push(response);
    if (draining) response.shouldKeepAlive = false;
    response.on('close', () => {
      if (use === undefined) return;
      const at = use.responses.indexOf(response);
      if (at !== -1) use.responses.splice(at, 1);
      use.bytesRead = socket.bytesRead;
      // Its headers were sent before the stop, and promised that the connection stays open.
      if (isLastCallOver) endIdle(socket, use);
    });
  });

  function endIdle(socket: Socket, { responses, bytesRead }: Use): void {
    if (responses.length === 0 && socket.bytesRead === bytesRead) socket.destroySoon();
  }

  /** Resolves when no new connection has come for a moment; after the last call a shorter moment is enough. */
  async function nobodyConnects(start: number, deadline: number): Promise<void> {
    for (let before = -1; before !== accepted && performance.now() - start < deadline;) {
      before = accepted;
      await wait(performance.now() - start < lastCall ? calm : 1);
      // A timer fires before the event loop accepts connections. If this process got no CPU for a while, connections of
      // that time must still be accepted.
      await afterPoll();
    }
  }

  return {
    get draining() {
      return draining;
    },
    count: () => open.size,
    async drain(deadline) {
      const start = performance.now();
      draining = true;
      for (const { responses } of open.values()) {
        for (const response of responses) response.shouldKeepAlive = false;
      }
      let cut = 0;
      const lastCallTimer = setTimeout(
        () => {
          isLastCallOver = true;
          handshakes?.destroy();
          for (const [socket, use] of open) endIdle(socket, use);
        },
        Math.min(lastCall, deadline),
      );
      const deadlineTimer = setTimeout(() => {
        for (const [socket, { responses }] of open) {
          cut += responses.length;
          socket.destroy();
        }
        handshakes?.destroy();
      }, deadline);
      await nobodyConnects(start, deadline);
      await new Promise<void>((resolve) => {
        // The `close` of an http server would also close the connections without a request.
        NetServer.prototype.close.call(server, () => resolve());
      });
      clearTimeout(lastCallTimer);
      clearTimeout(deadlineTimer);
      return cut;
    },
  };
}

import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';

/** The last exchange of each connection. */
export type LastExchanges = WeakMap<Socket, Exchange>;

/**
 * Lets requests that are pipelined on one connection go one after the other. Side by side they would reach MAAS in any
 * order, and RFC 9112 §9.3.2 allows that for safe methods alone.
 */
export function turn(last: LastExchanges): (exchange: Exchange) => void | Promise<void> {
  return (exchange) => {
    const { socket } = exchange.request;
    const previous = last.get(socket);
    last.set(socket, exchange);
    if (previous === undefined || isOver(previous)) return undefined;
    return new Promise((resolve, reject) => {
      previous.response.once('close', () => {
        if (!socket.destroyed && !previous.closes && !previous.mustClose) {
          resolve();
          return;
        }
        // Node closes only the response that has the connection's turn; this one would never get a log line.
        exchange.response.destroy();
        exchange.response.emit('close');
        reject(new Problem('client-gone', 'The connection was closed.'));
      });
    });
  };
}

/** Whether the answer has been sent, or never will be. */
export function isOver({ response }: Exchange): boolean {
  return response.closed || response.destroyed;
}

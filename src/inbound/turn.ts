import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';

/** The last exchange of each connection. */
export type LastExchanges = WeakMap<Socket, Exchange>;

/**
 * How many requests of a connection may wait for the answers to those before them. Each takes a hundred times the memory that it
 * took to send, so that whoever sends more of them is cut off: no program does, and waiting costs an attacker nothing.
 */
const maxWaiting = 100;

/**
 * Lets requests that are pipelined on one connection go one after the other. Side by side they would reach MAAS in any
 * order, and RFC 9112 §9.3.2 allows that for safe methods alone.
 */
export function turn(last: LastExchanges): (exchange: Exchange) => void | Promise<void> {
  const waiting = new WeakMap<Socket, number>();
  return (exchange) => {
    const { socket } = exchange.request;
    const previous = last.get(socket);
    last.set(socket, exchange);
    const count = waiting.get(socket) ?? 0;
    if (count >= maxWaiting) socket.destroy();
    // What Node had read before the connection was cut goes no further either.
    if (socket.destroyed) throw cutOff(exchange);
    if (previous === undefined || isOver(previous)) return undefined;
    waiting.set(socket, count + 1);
    return new Promise((resolve, reject) => {
      previous.response.once('close', () => {
        waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
        if (!socket.destroyed && !previous.closes && !previous.mustClose) resolve();
        else reject(cutOff(exchange));
      });
    });
  };
}

function cutOff({ response }: Exchange): Problem {
  // Node closes only the response that has the connection's turn; this one would never get a log line.
  response.destroy();
  response.emit('close');
  return new Problem('client-gone', 'The connection was closed.');
}

/** Whether the answer has been sent, or never will be. */
export function isOver({ response }: Exchange): boolean {
  return response.closed || response.destroyed;
}

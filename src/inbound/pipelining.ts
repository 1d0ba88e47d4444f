import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';
import { headMemory, type HeadRoom } from './head-room.ts';
import { goOnReading, stopReading } from '../http/stop-reading.ts';

/** The last exchange of each connection, until it is over. */
export type LastExchanges = WeakMap<Socket, Exchange>;

/**
 * How many requests of a connection may wait for the responses to those before them. Whoever sends more of them at once is cut
 * off: no program does, and waiting costs an attacker nothing.
 */
const maxWaiting = 100;

/** What waits on a connection. */
interface Waiting {
  count: number;
  /** What it takes of memory, bytes. */
  bytes: number;
}

/**
 * Has requests that are pipelined on one connection go one after the other. Side by side they would reach MAAS in any
 * order, and RFC 9112 §9.3.2 allows that for safe methods alone.
 *
 * What waits is bounded for each connection, from which nothing more is read meanwhile, and for all together: beyond that a
 * connection on which more would wait is cut off.
 */
export function inPipelineOrder(last: LastExchanges, room: HeadRoom): (exchange: Exchange) => void | Promise<void> {
  const all = new WeakMap<Socket, Waiting>();
  return (exchange) => {
    const { socket } = exchange.request;
    const previous = last.get(socket);
    last.set(socket, exchange);
    exchange.onEnd(() => {
      // An idle connection would keep its last request.
      if (last.get(socket) === exchange) last.delete(socket);
    });
    // What Node had read before the connection was cut goes no further either.
    if (socket.destroyed) throw cutOff(exchange);
    if (previous === undefined || previous.hasEnded()) return undefined;
    const waiting = all.get(socket) ?? { count: 0, bytes: 0 };
    const bytes = headMemory(exchange.request);
    if (waiting.count >= maxWaiting || !room.take(bytes)) {
      socket.destroy();
      throw cutOff(exchange);
    }
    all.set(socket, waiting);
    waiting.count += 1;
    waiting.bytes += bytes;
    if (waiting.bytes > room.perConnection) stopReading(socket, 'heads');
    return new Promise((resolve, reject) => {
      previous.onEnd(() => {
        room.giveBack(bytes);
        waiting.count -= 1;
        waiting.bytes -= bytes;
        if (waiting.bytes <= room.perConnection) goOnReading(socket, 'heads');
        const { closeAnnounced, mustClose } = previous.connection;
        if (!socket.destroyed && !closeAnnounced && !mustClose) resolve();
        else reject(cutOff(exchange));
      });
    });
  };
}

function cutOff(exchange: Exchange): Problem {
  exchange.response.destroy();
  // Node tells the end only of the response that has the connection.
  exchange.end();
  return new Problem('client-gone', 'The connection was closed.');
}

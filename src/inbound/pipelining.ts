import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';
import { headerMemory, type HeaderBudget } from './header-budget.ts';
import { goOnReading, stopReading } from '../http/stop-reading.ts';

/** The last exchange of each connection, until it ends. */
export type LastExchanges = WeakMap<Socket, Exchange>;

/**
 * How many pipelined requests may wait on one connection. A client that sends more is disconnected: no program does
 * that, and waiting costs an attacker nothing.
 */
const maxWaiting = 100;

/** The waiting requests of one connection. */
interface Waiting {
  count: number;
  /** The memory that their headers take, bytes. */
  bytes: number;
}

/**
 * Processes pipelined requests of one connection one after the other. In parallel they would reach MAAS in any order,
 * and RFC 9112 §9.3.2 allows that for safe methods only.
 *
 * The waiting requests are bounded per connection, from which the proxy reads nothing more meanwhile, and for all
 * connections together. A connection that would exceed the second bound is closed.
 */
export function inPipelineOrder(
  last: LastExchanges,
  budget: HeaderBudget,
): (exchange: Exchange) => void | Promise<void> {
  const all = new WeakMap<Socket, Waiting>();
  return (exchange) => {
    const { socket } = exchange.request;
    const previous = last.get(socket);
    last.set(socket, exchange);
    exchange.onEnd(() => {
      // An idle connection would hold its last request in memory.
      if (last.get(socket) === exchange) last.delete(socket);
    });
    // Requests that Node had read before the connection was closed are dropped too.
    if (socket.destroyed) throw cutOff(exchange);
    if (previous === undefined || previous.hasEnded()) return undefined;
    const waiting = all.get(socket) ?? { count: 0, bytes: 0 };
    const bytes = headerMemory(exchange.request);
    if (waiting.count >= maxWaiting || !budget.acquire(bytes)) {
      socket.destroy();
      throw cutOff(exchange);
    }
    all.set(socket, waiting);
    waiting.count += 1;
    waiting.bytes += bytes;
    if (waiting.bytes > budget.perConnection) stopReading(socket, 'headers');
    return new Promise((resolve, reject) => {
      previous.onEnd(() => {
        budget.release(bytes);
        waiting.count -= 1;
        waiting.bytes -= bytes;
        if (waiting.bytes <= budget.perConnection) goOnReading(socket, 'headers');
        const { closeAnnounced, mustClose } = previous.connection;
        if (!socket.destroyed && !closeAnnounced && !mustClose) resolve();
        else reject(cutOff(exchange));
      });
    });
  };
}

function cutOff(exchange: Exchange): Problem {
  exchange.response.destroy();
  // Node emits `close` only for the response that has the connection.
  exchange.end();
  return new Problem('client-gone', 'The connection was closed.');
}

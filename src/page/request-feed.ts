import type { AccessLogEntry } from '../access-log/access-log.ts';
import { pageOperation } from '../access-log/access-log.ts';
import type { Exchange } from '../exchange.ts';
import { Problem, titleOf } from '../problem.ts';
import type { RequestEntry } from './browser/contract.ts';

/** Sends the requests that end to open pages. */
export interface RequestFeed {
  /** Publishes a request that has ended, and its problem, which says what happened and what to do. */
  publish(entry: AccessLogEntry, problem?: Problem): void;
  /** Sends them to a page from now on. @param client the client whose requests are sent; `undefined` for all */
  listen(exchange: Exchange, client: string | undefined): void;
  /** Ends all streams, because the proxy stops. */
  close(): void;
}

/** How many pages may be open. */
const maxListeners = 100;

/** How much a page may leave unread before its stream is closed, bytes; it connects again. */
const maxUnread = 64 * 1024;

const heartbeatMs = 15_000;

interface Listener {
  readonly exchange: Exchange;
  readonly client: string | undefined;
}

/** Sends the requests that end as server-sent events: their access-log entries without the peer's address. */
export function createRequestFeed(): RequestFeed {
  const listeners = new Set<Listener>();
  let heartbeat: NodeJS.Timeout | undefined;
  function remove(listener: Listener): void {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(heartbeat);
  }
  return {
    publish(entry, problem) {
      if (listeners.size === 0 || entry.operation === pageOperation) return;
      let event: string | undefined;
      for (const listener of listeners) {
        if (listener.client !== undefined && !isOf(entry, listener.client)) continue;
        event ??= `data: ${JSON.stringify(shown(entry, problem))}\n\n`;
        write(listener, event);
      }
    },
    listen(exchange, client) {
      if (listeners.size >= maxListeners) {
        throw new Problem('limit-reached', `${maxListeners} pages look at the requests already; close one.`, {
          retryAfter: 10,
        });
      }
      const { response } = exchange;
      const listener = { exchange, client };
      response.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        'X-Request-Id': exchange.id,
      });
      if (exchange.method === 'HEAD') {
        response.end();
        return;
      }
      response.write(': here follow the requests that end\n\n');
      if (listeners.size === 0) {
        heartbeat = setInterval(() => listeners.forEach((each) => write(each, ':\n\n')), heartbeatMs).unref();
      }
      listeners.add(listener);
      exchange.onEnd(() => remove(listener));
    },
    close() {
      for (const { exchange } of listeners) exchange.response.end();
    },
  };
}

function write({ exchange: { response, trace } }: Listener, text: string): void {
  if (response.writableLength > maxUnread) {
    response.destroy();
    return;
  }
  trace.bytesOut += text.length;
  response.write(text);
}

/** Whether an entry is the client's. With a refused key the client is not authenticated. */
function isOf({ client, code }: AccessLogEntry, name: string): boolean {
  return client === name && code !== 'client-unknown';
}

function shown(entry: AccessLogEntry, problem: Problem | undefined): RequestEntry {
  return {
    time: new Date().toISOString(),
    ...entry,
    peer: undefined,
    ...(entry.code !== undefined && { title: titleOf(entry.code) }),
    ...(problem !== undefined && { detail: problem.message }),
  };
}

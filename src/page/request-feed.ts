import type { AccessLogEntry } from '../access-log/access-log.ts';
import { pageOperation } from '../access-log/access-log.ts';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';

/** The requests that end, for pages that look on. */
export interface RequestFeed {
  /** Tells a request that has ended, and what its client was told of a problem: what happened, and what to do. */
  publish(entry: AccessLogEntry, problem?: Problem): void;
  /** Sends them to a page from now on. @param client whose; everybody's where it is `undefined` */
  listen(exchange: Exchange, client: string | undefined): void;
  /** Ends all streams: the proxy stops. */
  close(): void;
}

/** How many pages may look on. */
const maxListeners = 100;

/** How much a page may leave unread, bytes, before it is left alone; it connects again. */
const maxUnread = 64 * 1024;

const heartbeatMs = 15_000;

interface Listener {
  readonly exchange: Exchange;
  readonly client: string | undefined;
}

/** Server-sent events of the requests that end: what the access log holds of them, without where they came from. */
export function createRequestFeed(): RequestFeed {
  const listeners = new Set<Listener>();
  let heartbeat: NodeJS.Timeout | undefined;
  function leave(listener: Listener): void {
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
      exchange.onEnd(() => leave(listener));
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

/** Whoever was refused for a key has only said to be that client. */
function isOf({ client, code }: AccessLogEntry, name: string): boolean {
  return client === name && code !== 'client-unknown';
}

function shown(entry: AccessLogEntry, problem: Problem | undefined): object {
  return {
    time: new Date().toISOString(),
    ...entry,
    peer: undefined,
    ...(entry.code !== undefined && { title: new Problem(entry.code, '').document(entry.requestId).title }),
    ...(problem !== undefined && { detail: problem.message }),
  };
}

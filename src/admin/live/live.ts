import type { ServerResponse } from 'node:http';
import type { AccessLogEntry } from '../../access-log/access-log.ts';
import { pageOperation } from '../../access-log/access-log.ts';
import { countRecent, type RecentCounter } from './recent.ts';
import { createStateReader, type StateSources } from './state.ts';
import type { LiveEvent, ProxyState } from '../../page/browser/admin/contract.ts';
import type { RequestEntry } from '../../page/browser/contract.ts';

/** Sends events to the open pages of operators. */
export interface Live {
  /** Counts a request that has ended. While no page is open, it does nothing. */
  publish(entry: AccessLogEntry): void;
  /** Sends server-sent events to a page from now on. @returns `false` if too many pages are open */
  listen(response: ServerResponse): boolean;
  /** The current state, for a program that needs it once. */
  snapshot(): Promise<ProxyState>;
}

/** How many pages may be open. */
export const mostPages = 20;

/** The most requests in one event: a browser shows no more of a busy proxy, and memory is bounded. */
const mostRequests = 200;

/** How much a page may leave unread before its stream is closed, bytes; it connects again. */
const mostUnread = 1024 * 1024;

const tickMs = 1_000;

/** How long a snapshot waits for MAAS, ms; a page gets what MAAS says with a later event. */
const snapshotWaitMs = 2_000;

/** Nothing is counted or computed while no page is open. */
export function createLive(sources: StateSources): Live {
  const pages = new Set<ServerResponse>();
  const reader = createStateReader(sources);
  let recent: RecentCounter = countRecent();
  let requests: RequestEntry[] = [];
  let left = 0;
  let timer: NodeJS.Timeout | undefined;

  async function tick(): Promise<void> {
    const ended = { requests, left };
    requests = [];
    left = 0;
    const state = await reader.read(recent.tick(), 0);
    const event: LiveEvent = { state, ...ended };
    const text = `data: ${JSON.stringify(event)}\n\n`;
    for (const page of pages) {
      if (page.writableLength > mostUnread) page.destroy();
      else page.write(text);
    }
  }

  function leave(page: ServerResponse): void {
    pages.delete(page);
    if (pages.size > 0) return;
    clearInterval(timer);
    requests = [];
    left = 0;
  }

  return {
    publish(entry) {
      if (pages.size === 0 || entry.operation === pageOperation) return;
      recent.add(entry);
      if (requests.length < mostRequests) requests.push({ time: new Date().toISOString(), ...entry });
      else left += 1;
    },
    listen(page) {
      if (pages.size >= mostPages) return false;
      page.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
      });
      const isFirst = pages.size === 0;
      pages.add(page);
      page.once('close', () => leave(page));
      if (isFirst) {
        recent = countRecent();
        timer = setInterval(() => void tick(), tickMs).unref();
      }
      // The page gets the current state immediately.
      void reader.read(recent.peek(), 0).then((state) => {
        const event: LiveEvent = { state, requests: [], left: 0 };
        return page.write(`data: ${JSON.stringify(event)}\n\n`);
      });
      return true;
    },
    snapshot: () => reader.read(recent.peek(), snapshotWaitMs),
  };
}

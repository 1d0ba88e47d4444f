import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import { until } from './until.ts';

/**
 * Counts the requests that have come to a server of this process, for tests in which several must be there before one is
 * answered. What takes no body is on its way to MAAS once it is counted and a turn of the event loop has passed.
 *
 * @returns resolves once `count` requests have come since the start
 */
export function watchArrivals(t: TestContext, url: string): (count: number) => Promise<void> {
  const port = Number(new URL(url).port);
  let arrived = 0;
  const onRequest = (message: unknown): void => {
    if ((message as { request: IncomingMessage }).request.socket.localPort === port) arrived += 1;
  };
  subscribe('http.server.request.start', onRequest);
  t.after(() => unsubscribe('http.server.request.start', onRequest));
  return (count) => until(() => arrived >= count, `${count} requests at ${url}`);
}

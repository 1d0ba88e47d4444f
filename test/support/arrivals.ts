import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import { until } from './until.ts';

/**
 * Counts the requests that a server of this process has received, for tests that need several before the first gets its
 * response. A counted request without a body is on its way to MAAS after one turn of the event loop.
 *
 * @returns a function that resolves once `count` requests have arrived since the start
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

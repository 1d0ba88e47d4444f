import type { Exchange } from '../exchange.ts';
import { originForm } from '../http/origin-form.ts';

/** The prefix of the proxy's own addresses. No path of MAAS begins with it. */
export const ownRoot = '/-/';

/**
 * Whether a request is for the page, and so never forwarded: everything below `/-/`, and a GET of `/` with `Accept`,
 * which browsers, curl and HTTPie send. MAAS has no operation at `/`; a request without `Accept` gets MAAS's own
 * response.
 */
export function isForPage({ method, target, request }: Pick<Exchange, 'method' | 'target' | 'request'>): boolean {
  const path = pathOf(target);
  if (path !== '/') return path.startsWith(ownRoot);
  return (method === 'GET' || method === 'HEAD') && request.headers.accept !== undefined;
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const origin = originForm(target);
  const query = origin.indexOf('?');
  return query === -1 ? origin : origin.slice(0, query);
}

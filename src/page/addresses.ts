import type { Exchange } from '../exchange.ts';
import { originForm } from '../http/origin-form.ts';

/** Where everything of the proxy's own lies. MAAS has no path that begins so. */
export const ownRoot = '/-/';

/**
 * Whether a request is for the page, and so never forwarded: all below `/-/`, and a GET of `/` that says what it accepts, as
 * browsers, curl and HTTPie do. MAAS has no operation at `/`; a program that says nothing gets MAAS's own response.
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

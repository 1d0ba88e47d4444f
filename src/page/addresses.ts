import type { Exchange } from '../exchange.ts';
import { originForm } from '../http/origin-form.ts';

/** Where everything of the proxy's own lies. MAAS has no path that begins so. */
export const ownRoot = '/-/';

/**
 * Whether the page answers a request, so that it is not forwarded: all below `/-/`, and `/` where a browser shows what comes.
 * For every other program `/` is an address of MAAS, as any.
 */
export function isForPage({ method, target, request }: Pick<Exchange, 'method' | 'target' | 'request'>): boolean {
  const path = pathOf(target);
  if (path !== '/') return path.startsWith(ownRoot);
  return (method === 'GET' || method === 'HEAD') && request.headers.accept?.includes('text/html') === true;
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const origin = originForm(target);
  const query = origin.indexOf('?');
  return query === -1 ? origin : origin.slice(0, query);
}

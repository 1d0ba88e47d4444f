import { originForm } from '../http/origin-form.ts';

/** Where everything of the proxy's own lies. MAAS has no path that begins so. */
export const ownRoot = '/-/';

/** Whether a request target is one of the proxy's own addresses, which are never forwarded: `/`, and all below `/-/`. */
export function isOwnAddress(target: string): boolean {
  const path = pathOf(target);
  return path === '/' || path.startsWith(ownRoot);
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const origin = originForm(target);
  const query = origin.indexOf('?');
  return query === -1 ? origin : origin.slice(0, query);
}

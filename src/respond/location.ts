import type { Exchange } from '../exchange.ts';
import type { ApiPath } from '../maas/api-path.ts';
import { locateInApi } from '../maas/location.ts';
import type { Regions } from '../maas/maas-address.ts';
import { schemeOf } from '../http/scheme.ts';

/** The proxy's own address in the form that the client used: `http://localhost:8240/MAAS/api/2.0`. */
export function ownOrigin(
  { request }: Exchange,
  { form }: ApiPath,
): { readonly origin: string; readonly path: string } {
  const scheme = schemeOf(request.socket);
  return { origin: `${scheme}://${request.headers.host ?? 'localhost'}`, path: form };
}

/**
 * Paths that would mean something else without `/MAAS/api/2.0` before them: two slashes, after which a client reads a
 * host name (RFC 3986 §4.2), the beginning of another form, and the proxy's own addresses.
 */
const needsRoot = /^\/(?:$|[/?#]|MAAS(?:\/|$)|api(?:\/|$)|-\/)/;

/**
 * Rewrites a `Location` of MAAS's for the client: an address in the API of any region becomes the proxy's. Every other
 * address stays as it is; redirects to other places were refused before (src/upstream/redirect.ts).
 */
export function rewriteLocation(location: string, exchange: Exchange, apiPath: ApiPath, regions: Regions): string {
  const region = exchange.trace.region ?? regions[0];
  const base = `${region.origin}${region.apiPath}${apiPath.path}`;
  const found = locateInApi(location, base, regions);
  if (found === undefined) return location;
  const own = ownOrigin(exchange, apiPath);
  const below = found.below.startsWith('/') ? found.below : `/${found.below}`;
  const target = (needsRoot.test(own.path + below) && own.path === '' ? '/MAAS/api/2.0' : own.path) + below;
  const isAbsolute = /^[a-z][a-z\d+.-]*:/i.test(location) || location.startsWith('//');
  return isAbsolute || !location.startsWith('/') ? own.origin + target : target;
}

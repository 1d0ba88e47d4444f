import type { Exchange } from '../exchange.ts';
import type { MaasAddress, Regions } from '../maas/maas-address.ts';

/** The proxy's own address in the form that the client used: `http://localhost:8240/MAAS/api/2.0`. */
export function ownAddress({ request, apiPath }: Exchange): { readonly origin: string; readonly path: string } {
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  return { origin: `${scheme}://${request.headers.host ?? 'localhost'}`, path: apiPath?.form ?? '' };
}

/**
 * A `Location` of MAAS's as the client should follow it: one that leads into MAAS's API, at whichever of its regions, leads to the
 * proxy. Anything else, another host or MAAS's web interface, stays as it is.
 */
export function rewriteLocation(location: string, exchange: Exchange, regions: Regions): string {
  const asked = exchange.region ?? regions[0];
  // A relative one starts from the address that MAAS was asked at (RFC 9110 §10.2.2).
  const base = `${asked.origin}${asked.apiPath}${exchange.apiPath?.path ?? '/'}`;
  if (!URL.canParse(location, base)) return location;
  const url = new URL(location, base);
  const region = regions.find((one) => leadsInto(one, url));
  if (region === undefined) return location;
  const own = ownAddress(exchange);
  const rest = own.path + url.pathname.slice(region.apiPath.length) + url.search + url.hash;
  const isAbsolute = /^[a-z][a-z\d+.-]*:/i.test(location) || location.startsWith('//');
  return isAbsolute || !location.startsWith('/') ? own.origin + rest : rest;
}

function leadsInto({ origin, apiPath }: MaasAddress, url: URL): boolean {
  return url.origin === origin && (url.pathname === apiPath || url.pathname.startsWith(`${apiPath}/`));
}

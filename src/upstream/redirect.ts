import { fieldValues, type Fields } from '../http/fields.ts';
import { locateInApi } from '../maas/location.ts';
import type { Regions } from '../maas/maas-address.ts';
import { Problem } from '../problem.ts';

/**
 * Why a redirect is not forwarded. A client that followed it past the proxy would send its request unsigned to MAAS, or
 * to another server. A redirect into the API is rewritten and forwarded.
 *
 * @param requestedUrl the URL that the request was sent to
 * @returns `undefined` if it is not a redirect (RFC 9110 §15.4), or leads into the API
 */
export function redirectAway(
  status: number,
  fields: Fields,
  requestedUrl: string,
  regions: Regions,
): Problem | undefined {
  if (status < 300 || status > 399) return undefined;
  const locations = fieldValues(fields, 'location');
  const [location] = locations;
  if (location === undefined) return undefined;
  // With several, clients follow different ones.
  if (locations.length === 1 && locateInApi(location, requestedUrl, regions) !== undefined) return undefined;
  const context = { receivedStatus: status, cause: new Error(`${status} to ${loggable(location, requestedUrl)}`) };
  return isOwnHttps(location, requestedUrl) ? maasHasTls(context) : leadsAway(context);
}

/** A MAAS with TLS redirects its plain port to https, except for `machines` (MAAS 3.7.3, seen). */
export function maasHasTls(context?: ConstructorParameters<typeof Problem>[2]): Problem {
  return new Problem(
    'maas-tls',
    'MAAS redirects to https: it has TLS on. Use its https address as MAAS_URL (port 5443 on most).',
    context,
  );
}

function leadsAway(context: ConstructorParameters<typeof Problem>[2]): Problem {
  return new Problem(
    'maas-redirect',
    "MAAS, or a server in front of it, redirects to an address outside of MAAS's API, where the request would be unsigned. The redirect is not forwarded. Check MAAS_URL, and what stands between the proxy and MAAS.",
    context,
  );
}

/** Whether it leads to the same path or host, by https while the proxy uses http. */
function isOwnHttps(location: string, requestedUrl: string): boolean {
  if (!requestedUrl.startsWith('http:') || !URL.canParse(location, requestedUrl)) return false;
  const [from, to] = [new URL(requestedUrl), new URL(location, requestedUrl)];
  return to.protocol === 'https:' && (to.hostname === from.hostname || to.pathname === from.pathname);
}

/** Its target for the log: without the query, which may contain a session. */
function loggable(location: string, requestedUrl: string): string {
  if (!URL.canParse(location, requestedUrl)) return 'no address';
  const { protocol, host, pathname } = new URL(location, requestedUrl);
  return `${protocol}//${host}${pathname}`.slice(0, 200);
}

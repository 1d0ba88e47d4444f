import type { MaasAddress, Regions } from './maas-address.ts';

/** An address in MAAS's API. */
export interface ApiLocation {
  /** The region controller at that address. */
  readonly region: MaasAddress;
  /** The part below the API's root: path, query and fragment. */
  readonly below: string;
}

/**
 * Resolves a `Location` field that leads into the API of one of the regions.
 *
 * @param location the field's value, absolute or relative (RFC 9110 §10.2.2)
 * @param requestedUrl the URL that MAAS was requested at
 * @returns `undefined` if it leads anywhere else: another host, port or scheme, MAAS's web interface, or nowhere
 */
export function locateInApi(location: string, requestedUrl: string, regions: Regions): ApiLocation | undefined {
  if (!URL.canParse(location, requestedUrl)) return undefined;
  const url = new URL(location, requestedUrl);
  const region = regions.find((one) => leadsInto(one, url));
  if (region === undefined) return undefined;
  return { region, below: url.pathname.slice(region.apiPath.length) + url.search + url.hash };
}

function leadsInto({ origin, apiPath }: MaasAddress, url: URL): boolean {
  return url.origin === origin && (url.pathname === apiPath || url.pathname.startsWith(`${apiPath}/`));
}

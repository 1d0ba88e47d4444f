import type { MaasAddress, Regions } from './maas-address.ts';

/** An address in MAAS's API. */
export interface ApiLocation {
  /** The region controller that it leads to. */
  readonly region: MaasAddress;
  /** What stands below the API's root: path, query and fragment. */
  readonly below: string;
}

/**
 * Where a `Location` field leads, if that is into the API of one of the regions.
 *
 * @param location the field's value, absolute or relative (RFC 9110 §10.2.2)
 * @param asked the address that MAAS was asked at
 * @returns `undefined` where it leads anywhere else: another host, port or scheme, MAAS's web interface, or nowhere
 */
export function locateInApi(location: string, asked: string, regions: Regions): ApiLocation | undefined {
  if (!URL.canParse(location, asked)) return undefined;
  const url = new URL(location, asked);
  const region = regions.find((one) => leadsInto(one, url));
  if (region === undefined) return undefined;
  return { region, below: url.pathname.slice(region.apiPath.length) + url.search + url.hash };
}

function leadsInto({ origin, apiPath }: MaasAddress, url: URL): boolean {
  return url.origin === origin && (url.pathname === apiPath || url.pathname.startsWith(`${apiPath}/`));
}

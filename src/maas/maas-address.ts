/** The address of a MAAS: the origin to connect to, and the path of its API. */
export interface MaasAddress {
  /** Scheme, host and port, such as `http://maas.example:5240`. */
  readonly origin: string;
  /** The path of MAAS itself: `/MAAS`, or `/prefix/MAAS` behind a reverse proxy. */
  readonly basePath: string;
  /** The path of its API, without a final slash: `/MAAS/api/2.0`. */
  readonly apiPath: string;
  /** The complete address of the API, for messages. */
  readonly href: string;
}

/**
 * The region controllers of one MAAS, which share one database and one set of keys: at least one, in the order of the
 * settings.
 */
export type Regions = readonly [MaasAddress, ...MaasAddress[]];

/** Says what is wrong with the text of MAAS's address. */
export class MaasAddressError extends Error {
  override name = 'MaasAddressError';
}

const example = 'for example http://maas.example:5240';

/**
 * Parses MAAS's address in the forms that people write: `http://h:5240`, `…/MAAS`, `…/MAAS/`, `…/MAAS/api/2.0/`, an
 * address from the web interface (`…/MAAS/r/machines`), with IPv6, or with a path prefix before `/MAAS`.
 *
 * @throws {MaasAddressError} what is wrong and what would be right; a password in the address is not repeated
 */
export function parseMaasAddress(text: string): MaasAddress {
  const trimmed = text.trim();
  // Docker's --env-file keeps the quotes.
  if (/^["']/.test(trimmed)) throw new MaasAddressError('stands in quotation marks; remove them');
  if (!/^https?:\/\//i.test(trimmed)) {
    throw new MaasAddressError(`must begin with http:// or https://, ${example}`);
  }
  if (/[\s\\]/.test(trimmed)) throw new MaasAddressError(`must not hold spaces or backslashes, ${example}`);
  if (!URL.canParse(trimmed)) throw new MaasAddressError(`is not a valid address, ${example}`);
  const url = new URL(trimmed);
  if (url.username !== '' || url.password !== '') {
    throw new MaasAddressError('must not hold a user name or password; the API key is set on its own');
  }
  if (url.search !== '') throw new MaasAddressError(`must not hold a query (the part after "?"), ${example}`);

  const segments = url.pathname.split('/').filter((segment) => segment !== '');
  const at = segments.indexOf('MAAS');
  if (at === -1 && segments.at(-1)?.toUpperCase() === 'MAAS') {
    throw new MaasAddressError('must write /MAAS in capital letters');
  }
  if (at === -1 && segments.at(-2) === 'api') {
    throw new MaasAddressError(`names an API path without /MAAS before it, ${example}/MAAS`);
  }
  const [first, second, ...further] = at === -1 ? [] : segments.slice(at + 1);
  const isApi = first === 'api' && second === '2.0' && further.length === 0;
  // `r` and `l` are paths of the web interface: people copy its address from the browser.
  const isWebInterface = first === 'r' || first === 'l';
  if (first !== undefined && !isApi && !isWebInterface) {
    throw new MaasAddressError(
      first === 'api' && second === '1.0'
        ? 'names the API 1.0, which MAAS no longer has; end the address at /MAAS'
        : 'goes on after /MAAS with something other than /api/2.0; end it at /MAAS',
    );
  }
  const prefix = at === -1 ? segments : segments.slice(0, at);
  const basePath = `/${[...prefix, 'MAAS'].join('/')}`;
  const apiPath = `${basePath}/api/2.0`;
  return { origin: url.origin, basePath, apiPath, href: `${url.origin}${apiPath}/` };
}

/**
 * Parses the addresses of MAAS's region controllers, separated by commas or spaces. Duplicates are dropped.
 *
 * @throws {MaasAddressError} as for a single one; with several, it says which one is wrong
 */
export function parseRegions(text: string): Regions {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length < 2) return [parseMaasAddress(words[0] ?? text)];
  const regions = new Map<string, MaasAddress>();
  for (const [index, word] of words.entries()) {
    const region = parseOneOf(word, index + 1);
    regions.set(region.href, region);
  }
  return [...regions.values()] as unknown as Regions;
}

function parseOneOf(word: string, number: number): MaasAddress {
  try {
    return parseMaasAddress(word);
  } catch (error) {
    if (!(error instanceof MaasAddressError)) throw error;
    throw new MaasAddressError(`holds several addresses, of which number ${number} ${error.message}`);
  }
}

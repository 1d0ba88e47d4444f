/**
 * The path in MAAS's API that a request means. Three forms mean the same: `/MAAS/api/2.0/users/` (as in MAAS's own
 * `resource_uri`s), `/api/2.0/users/` and `/users/`.
 */
export interface ApiPath {
  /** The form that the client used, as the text before the API's own path. */
  readonly form: '/MAAS/api/2.0' | '/api/2.0' | '';
  /** The raw path below the API's root, `/users/`, with the trailing slash that MAAS wants. */
  readonly path: string;
  /** The raw query with its question mark, or an empty text. */
  readonly query: string;
  /** The segments of `path`, percent-decoded; empty ones are dropped, as MAAS does. */
  readonly segments: readonly string[];
}

/** Why a request target is not a path of MAAS's API. */
export type ApiPathFault = 'outside-api' | 'malformed' | 'dot-segment';

const apiPrefix = /^\/+(?:MAAS\/+)?api\/+2\.0(?=\/|$)/;
const maasPrefix = /^\/+MAAS(?=\/|$)/;

/**
 * Resolves a request target in origin form (RFC 9112 §3.2.1). The raw bytes of path and query are kept; only a missing
 * trailing slash is added where MAAS wants one, because without it MAAS responds with a plain 404 and runs nothing.
 */
export function resolveApiPath(target: string): ApiPath | ApiPathFault {
  const queryAt = target.indexOf('?');
  const rawPath = queryAt === -1 ? target : target.slice(0, queryAt);
  const query = queryAt === -1 ? '' : target.slice(queryAt);
  if (rawPath.charCodeAt(0) !== 47 /* slash */ || target.includes('#')) return 'malformed';

  const prefix = apiPrefix.exec(rawPath)?.[0];
  if (prefix === undefined && maasPrefix.test(rawPath)) return 'outside-api';
  const below = prefix === undefined ? rawPath : rawPath.slice(prefix.length) || '/';
  const form = prefix === undefined ? '' : prefix.includes('MAAS') ? '/MAAS/api/2.0' : '/api/2.0';

  const segments: string[] = [];
  for (const raw of below.split('/')) {
    if (raw === '') continue;
    const segment = raw.includes('%') ? decode(raw) : raw;
    if (segment === undefined) return 'malformed';
    // MAAS's web server would resolve dot segments and so leave the API (RFC 3986 §5.2.4), also after `%2F`.
    if (segment.split('/').some((piece) => piece === '.' || piece === '..')) return 'dot-segment';
    segments.push(segment);
  }
  // Browsers request it on their own, for every page.
  if (segments.length === 1 && segments[0] === 'favicon.ico') return 'outside-api';
  const path = below.endsWith('/') || endsWithoutSlash(segments) ? below : `${below}/`;
  return { form, path, query, segments };
}

function decode(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // not UTF-8, which Django would replace by U+FFFD: no name of MAAS's holds that
  }
}

/** The paths that MAAS knows only without a trailing slash, and operations written as a path suffix (`op-deploy`). */
function endsWithoutSlash(segments: readonly string[]): boolean {
  const last = segments.at(-1);
  if (last === undefined) return false;
  return (last.startsWith('op-') && segments.length > 1) || hasNoTrailingSlash(segments);
}

/** Whether MAAS knows a path only without a trailing slash. */
export function hasNoTrailingSlash(segments: readonly string[]): boolean {
  const [first, second] = segments;
  switch (segments.length) {
    case 1:
      return first === 'openapi.yaml';
    case 2:
      return (
        first === 'scripts' ||
        first === 'commissioning-scripts' ||
        first === 'virtual-machines' ||
        first === 'vm-clusters'
      );
    case 3:
      return first === 'license-key';
    case 6:
      return second !== undefined && segments[2] === 'blockdevices' && /^partitions?$/.test(segments[4] ?? '');
    default:
      return false;
  }
}

/**
 * The name in a query that would replace the signature or change the response at MAAS, as MAAS reads it: compared after
 * percent-decoding.
 */
export function findSignatureOverride(query: string): string | undefined {
  if (query.length < 2) return undefined;
  for (const pair of query.slice(1).split('&')) {
    const equals = pair.indexOf('=');
    const name = decodeFormName(equals === -1 ? pair : pair.slice(0, equals));
    if (isSignatureOverride(name)) return name.toLowerCase();
  }
  return undefined;
}

/**
 * Whether MAAS gives a parameter a special meaning: `oauth_*` overrides the header, `callback` turns JSON into a
 * script.
 */
export function isSignatureOverride(name: string): boolean {
  const lower = name.toLowerCase();
  return lower.startsWith('oauth_') || lower === 'callback';
}

/** Decodes a name as Python's `parse_qsl` does: `+` is a space, a malformed escape stays as it is. */
export function decodeFormName(raw: string): string {
  if (!raw.includes('%') && !raw.includes('+')) return raw;
  const text = raw.replaceAll('+', ' ');
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

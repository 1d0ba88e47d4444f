import { connectionOptions, hopByHop } from '../http/hop-by-hop.ts';
import type { Fields } from '../http/fields.ts';

/**
 * Fields of MAAS's that would affect the client beyond this response: a cookie would be a session at MAAS, and
 * `Strict-Transport-Security` would bind the proxy's host name, for example `localhost`, to https.
 */
const dropped: ReadonlySet<string> = new Set([...hopByHop, 'set-cookie', 'set-cookie2', 'strict-transport-security']);

/**
 * The header fields of MAAS's response for the client, as a flat list of names and values.
 *
 * @param fields MAAS's
 * @param requestId sent as `X-Request-Id`
 * @param locate rewrites a `Location` for the client
 * @param newLength the body's length in bytes, if it is no longer MAAS's
 * @param withoutLength for a 204, which must not have a length (RFC 9110 §8.6)
 */
export function responseHeaders(
  fields: Fields,
  requestId: string,
  locate: (location: string) => string,
  newLength?: number,
  withoutLength = false,
): string[] {
  const headers: string[] = [];
  let listed: ReadonlySet<string> | undefined;
  let via = '';
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    const lower = name.toLowerCase();
    if (lower === 'connection') {
      const options = connectionOptions(value);
      if (options !== undefined) listed = new Set([...(listed ?? []), ...options]);
    }
    if (lower === 'via') via += `${value}, `;
    else if (lower === 'location') headers.push(name, locate(value));
    else if (lower === 'content-length' && withoutLength) continue;
    else if (lower === 'content-length' && newLength !== undefined) headers.push(name, String(newLength));
    else if (!dropped.has(lower) && !isDroppedFamily(lower) && lower !== 'x-request-id') headers.push(name, value);
  }
  headers.push('Via', `${via}1.1 maas-auth-proxy`, 'X-Request-Id', requestId);
  return listed === undefined ? headers : withoutListed(headers, listed);
}

/**
 * `Proxy-*` is about one connection. `Access-Control-*` would let pages of other origins read responses that the proxy
 * signed for.
 */
function isDroppedFamily(lower: string): boolean {
  return lower.startsWith('proxy-') || lower.startsWith('access-control-');
}

function withoutListed(headers: readonly string[], listed: ReadonlySet<string>): string[] {
  return headers.filter((_, index) => !listed.has((headers[index - (index % 2)] as string).toLowerCase()));
}

import { connectionOptions, hopByHop } from '../http/hop-by-hop.ts';
import { forEachField, withoutFields, type Fields } from '../http/fields.ts';

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
  const listed = new Set<string>();
  let via = '';
  forEachField(fields, (name, value, lower) => {
    if (lower === 'connection') {
      for (const option of connectionOptions(value) ?? []) listed.add(option);
    }
    if (lower === 'via') via += `${value}, `;
    else if (lower === 'location') headers.push(name, locate(value));
    else if (lower === 'content-length' && withoutLength) return;
    else if (lower === 'content-length' && newLength !== undefined) headers.push(name, String(newLength));
    else if (!dropped.has(lower) && !isDroppedFamily(lower) && lower !== 'x-request-id') headers.push(name, value);
  });
  headers.push('Via', `${via}1.1 maas-auth-proxy`, 'X-Request-Id', requestId);
  return listed.size === 0 ? headers : withoutFields(headers, (lower) => listed.has(lower));
}

/**
 * `Proxy-*` is about one connection. `Access-Control-*` would let pages of other origins read responses that the proxy
 * signed for.
 */
function isDroppedFamily(lower: string): boolean {
  return lower.startsWith('proxy-') || lower.startsWith('access-control-');
}

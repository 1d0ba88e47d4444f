import { anonymousName } from '../clients/client.ts';
import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { connectionOptions, hopByHop } from '../http/hop-by-hop.ts';
import { schemeOf } from '../http/scheme.ts';
import { forEachField } from '../http/fields.ts';

/** Fields that the client may not set, because they would speak to MAAS in place of the proxy. */
const dropped: ReadonlySet<string> = new Set([
  ...hopByHop,
  // The proxy has handled it itself; MAAS's web server would handle it a second time.
  'expect',
  // A session cookie or a macaroon overrides the signature at MAAS.
  'authorization',
  'cookie',
  'cookie2',
  'macaroons',
  // MAAS's audit log takes the first forwarded address for the client's.
  'forwarded',
  'x-real-ip',
  // Set again below, or by undici (Host: MAAS's own).
  'host',
  'content-length',
  'via',
  'x-request-id',
]);

/** The fields set below that differ from client to client without changing MAAS's response. */
export const perClientFields = ['user-agent', 'x-request-id', 'x-forwarded-for', 'via'] as const;

/**
 * The header fields for MAAS, as a flat list of names and values, without the signature.
 *
 * @param contentLength the body's length in bytes; `undefined` without a body
 * @param contentType the body's type, if it is no longer the client's
 * @param pseudonym the name of the proxy in `Via`
 */
export function requestHeaders(
  exchange: Exchange,
  identity: ClientIdentity,
  contentLength: number | undefined,
  contentType: string | undefined,
  pseudonym: string,
): string[] {
  const { rawHeaders, headers: named, httpVersion, socket } = exchange.request;
  const listed = connectionOptions(named.connection);
  const headers: string[] = [];
  let via = '';
  let userAgent = '';
  const client = identity.client?.client.name ?? (identity.isAnonymous ? anonymousName : undefined);
  forEachField(rawHeaders, (name, value, lower) => {
    if (lower === 'via') via += `${value}, `;
    if (dropped.has(lower) || listed?.has(lower) === true) return;
    if (lower === 'content-type' && contentType !== undefined) return;
    // Django reads an underscore in a name as a dash, so `X_Forwarded_For` would pass for the real one.
    if (lower.includes('_') || lower.startsWith('x-forwarded-') || lower.startsWith('proxy-')) return;
    if (lower === 'user-agent' && client !== undefined) userAgent += value === '' ? '' : `${value} `;
    else headers.push(name, lower === 'max-forwards' && exchange.method === 'OPTIONS' ? fewer(value) : value);
  });
  if (contentType !== undefined) headers.push('Content-Type', contentType);
  // MAAS's audit log stores the user agent, which identifies the person behind a shared key.
  if (client !== undefined) headers.push('User-Agent', `${userAgent}(via maas-auth-proxy; client=${client})`);
  if (contentLength !== undefined) headers.push('Content-Length', String(contentLength));
  headers.push('Via', `${via}${httpVersion} ${pseudonym}`, 'X-Request-Id', exchange.id);
  if (exchange.peer !== undefined) headers.push('X-Forwarded-For', exchange.peer);
  if (named.host !== undefined) headers.push('X-Forwarded-Host', named.host);
  headers.push('X-Forwarded-Proto', schemeOf(socket));
  return headers;
}

/** Decrements `Max-Forwards` of an OPTIONS (RFC 9110 §7.6.2); a value that is no number is left as it is. */
function fewer(value: string): string {
  return /^\d+$/.test(value) ? String(Math.max(0, Number(value) - 1)) : value;
}

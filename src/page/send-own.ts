import type { Exchange } from '../exchange.ts';
import { isArriving } from '../http/request-body.ts';
import { endOrLinger } from '../respond/lingering-close.ts';

/**
 * The headers of every response of the page: scripts and styles come only from the proxy, no other page may frame it or
 * keep a reference to its window, and browsers do not guess types.
 */
const safetyHeaders = {
  'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** Sets the security headers early, so that refusals have them too. */
export function setSecurityHeaders({ response }: Pick<Exchange, 'response'>): void {
  for (const [name, value] of Object.entries(safetyHeaders)) response.setHeader(name, value);
}

/** Sends a response of the page. */
export function sendOwn(
  exchange: Exchange,
  status: 200 | 304,
  headers: Readonly<Record<string, string>>,
  body: Buffer | string,
): void {
  const { request, response, connection, trace } = exchange;
  connection.closeAnnounced = connection.mustClose || isArriving(request);
  response.writeHead(status, {
    ...headers,
    ...(status === 200 && { 'Content-Length': Buffer.byteLength(body) }),
    'X-Request-Id': exchange.id,
    ...(connection.closeAnnounced && { Connection: 'close' }),
  });
  if (exchange.method !== 'HEAD' && status === 200) {
    trace.bytesOut += Buffer.byteLength(body);
    response.write(body);
  }
  endOrLinger(exchange);
}

/** Sends JSON to the page. */
export function sendJson(exchange: Exchange, value: unknown): void {
  sendOwn(exchange, 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }, JSON.stringify(value));
}

import type { Exchange } from '../exchange.ts';
import { isArriving } from '../http/request-body.ts';
import { Problem } from '../problem.ts';
import { endOrLinger } from './lingering-close.ts';

/** The one place where an error becomes a response: a problem document, marked as the proxy's own by `Proxy-Status`. */
export function sendProblem(exchange: Exchange, error: unknown): void {
  const { id, request, response, connection, trace } = exchange;
  const problem =
    error instanceof Problem
      ? error
      : new Problem('internal-error', 'The proxy failed on this request; its log says why.', { cause: error });
  trace.problem ??= problem;
  if (response.headersSent || response.destroyed) return;
  const { type, body } = problem.text ?? {
    type: 'application/problem+json',
    body: `${JSON.stringify(problem.document(id))}\n`,
  };
  connection.closeAnnounced = connection.mustClose || isArriving(request);
  response.writeHead(problem.status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Proxy-Status': problem.proxyStatus,
    'X-Request-Id': id,
    'Cache-Control': 'no-store',
    // RFC 9110 §15.5.2: a 401 has a challenge.
    ...(problem.status === 401 && { 'WWW-Authenticate': problem.challenge }),
    ...(problem.retryAfter !== undefined && { 'Retry-After': problem.retryAfter }),
    ...(connection.closeAnnounced && { Connection: 'close' }),
  });
  if (exchange.method !== 'HEAD') {
    trace.bytesOut += Buffer.byteLength(body);
    response.write(body);
  }
  endOrLinger(exchange);
}

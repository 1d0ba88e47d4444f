import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import { isArriving } from '../http/request-body.ts';
import { endOrLinger } from './lingering-close.ts';

/** The one place where an error becomes an answer: a problem document, marked as the proxy's own by `Proxy-Status`. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { exchange } = request;
  const problem =
    error instanceof Problem
      ? error
      : new Problem('internal-error', 'The proxy failed on this request; its log says why.', { cause: error });
  exchange.problem ??= problem;
  const { type, body } = problem.text ?? {
    type: 'application/problem+json',
    body: `${JSON.stringify(problem.document(exchange.id))}\n`,
  };
  exchange.closes = exchange.mustClose || isArriving(exchange.request);
  const { raw } = reply.hijack();
  raw.writeHead(problem.status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Proxy-Status': problem.proxyStatus,
    'X-Request-Id': exchange.id,
    'Cache-Control': 'no-store',
    // RFC 9110 §15.5.2: a 401 names its challenge.
    ...(problem.status === 401 && { 'WWW-Authenticate': problem.challenge }),
    ...(problem.retryAfter !== undefined && { 'Retry-After': problem.retryAfter }),
    ...(exchange.closes && { Connection: 'close' }),
  });
  if (exchange.method !== 'HEAD') {
    exchange.bytesOut += Buffer.byteLength(body);
    raw.write(body);
  }
  endOrLinger(exchange);
}

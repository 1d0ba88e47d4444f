import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';

/** The one place where an error becomes an answer: a problem document, marked as the proxy's own by `Proxy-Status`. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem =
    error instanceof Problem
      ? error
      : new Problem('internal-error', 'The proxy failed on this request; its log says why.', error);
  request.exchange.problem ??= problem;
  const body = JSON.stringify(problem.document(request.exchange.id));
  void reply
    .code(problem.status)
    .header('Content-Type', 'application/problem+json')
    .header('Proxy-Status', `maas-auth-proxy; error=${problem.proxyError}`)
    .header('X-Request-Id', request.exchange.id)
    .header('Cache-Control', 'no-store')
    .send(Buffer.from(`${body}\n`));
}

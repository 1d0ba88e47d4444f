import { randomBytes } from 'node:crypto';
import { METHODS } from 'node:http';
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import { answerMalformed } from './answer/answer-malformed.ts';
import { answerProblem } from './answer/answer-problem.ts';
import type { Exchange, Step } from './exchange.ts';
import { address } from './inbound/address.ts';
import { body } from './inbound/body.ts';
import { record, requestId } from './inbound/record.ts';
import type { MaasAddress } from './maas/maas-address.ts';
import { Problem } from './problem.ts';
import { forward } from './upstream/forward.ts';
import { maxHeaderSize } from './upstream/pool.ts';

/** What a proxy is made of. */
export interface AppOptions {
  readonly maas: MaasAddress;
  /** The chain that ends at MAAS, signing included. */
  readonly dispatch: Dispatcher['dispatch'];
  /** Whether JSON is made a form for operations that read forms alone. */
  readonly jsonToForm: boolean;
  readonly log: Logger;
}

/** All but CONNECT, which would open a tunnel, and TRACE, by which MAAS would send the signed header back (RFC 9110 §9.3.8). */
const methods = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE');

/** Builds the proxy: the way of a request, from top to bottom. */
export function buildApp({ maas, dispatch, jsonToForm, log }: AppOptions): FastifyInstance {
  const way: readonly Step[] = [
    address, //           3  which MAAS API path is meant?
    body(jsonToForm), //  6  a length for the body; JSON made the form that MAAS reads
  ];
  const forwarding = forward(maas, dispatch); //  8, 9
  const recording = record(log); // 10

  const app = fastify({
    // There is one route. What a path means is the address step's to say, from the raw bytes.
    rewriteUrl: () => '/',
    exposeHeadRoutes: false,
    http: { maxHeaderSize },
    clientErrorHandler: answerMalformed(log),
  });
  for (const method of methods) app.addHttpMethod(method, bodyUnread);
  app.setErrorHandler(answerProblem);
  app.setNotFoundHandler(() => {
    throw new Problem('method-not-forwarded', 'TRACE would have MAAS send the signature back; use another method.');
  });
  app.decorateRequest('exchange');
  app.addHook('onRequest', (request, reply, done) => {
    const exchange = begin(request.raw, reply.raw);
    request.exchange = exchange;
    recording(exchange);
    walk(way, exchange, done);
  });
  void app.register(httpProxy, { ...forwarding, httpMethods: methods, routes: ['/'] });
  return app;
}

/** Fastify is to read no body: it would decode text and refuse what it does not know. Bodies are streamed as they come. */
const bodyUnread = { hasBody: false, overrideExisting: true };

function begin(request: Exchange['request'] & { originalUrl?: string }, response: Exchange['response']): Exchange {
  return {
    id: requestId(request, () => randomBytes(8).toString('hex')),
    request,
    response,
    method: request.method ?? 'GET',
    target: request.originalUrl ?? '/',
    startedAt: performance.now(),
    apiPath: undefined,
    body: undefined,
    contentType: undefined,
    attempts: 0,
    sentAt: 0,
    answeredAt: 0,
    problem: undefined,
  };
}

function walk(way: readonly Step[], exchange: Exchange, done: (error?: Error) => void): void {
  try {
    for (const [index, step] of way.entries()) {
      const pending = step(exchange);
      if (pending !== undefined) {
        const rest = way.slice(index + 1);
        pending.then(() => walk(rest, exchange, done), done);
        return;
      }
    }
  } catch (error) {
    done(error as Error);
    return;
  }
  done();
}

import { Readable } from 'node:stream';
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { Dispatcher } from 'undici';
import { sizeOf } from '../http/byte-blocks.ts';
import { hasBody } from '../http/request-body.ts';
import { detachedBody } from '../http/detached-body.ts';
import type { Exchange } from '../exchange.ts';
import type { Regions } from '../maas/maas-address.ts';
import type { Problem } from '../problem.ts';
import type { UpstreamHandler, UpstreamRequest } from './forwarding-handler.ts';
import { requestHeaders } from './request-headers.ts';

/** What takes MAAS's answer to the client. */
export interface ResponseHandler extends UpstreamHandler {
  /** Begins the answer, once the reply is no longer Fastify's. */
  begin(): void;
}

/** Makes ready for the answer to a request. @param told called once: that the answer begins, or why there is none */
export type CreateResponseHandler = (exchange: Exchange, told: (problem?: Problem) => void) => ResponseHandler;

/**
 * Step 8 as options for @fastify/http-proxy. Its `preHandler` takes the request over, and its own way is never gone: it parses the
 * address three times (a twentieth of a request), and reply-from behind it would change what passes (`\` into `/`, and `/./` dropped),
 * copies the headers twice, and puts two streams between MAAS's answer and the client's socket (a tenth).
 *
 * @param dispatch the chain that ends at MAAS; where there are several regions, it takes the address of the first for any
 * @param answerTo step 9
 * @param pseudonym the name that the proxy goes by in the `Via` of requests
 */
export function forward(
  regions: Regions,
  dispatch: Dispatcher['dispatch'],
  answerTo: CreateResponseHandler,
  pseudonym: string,
): FastifyHttpProxyOptions {
  return {
    upstream: regions[0].origin,
    globalAgent: true, // none of reply-from's own, which nothing would use
    preHandler({ exchange }, reply, done) {
      const answering = answerTo(exchange, (problem) => {
        if (problem !== undefined) {
          done(problem);
          return;
        }
        // The reply is no longer Fastify's.
        reply.hijack();
        answering.begin();
      });
      dispatch(sendingOf(exchange, regions, pseudonym), answering);
    },
  };
}

function sendingOf(exchange: Exchange, [maas]: Regions, pseudonym: string): UpstreamRequest {
  const { request, method, apiPath, body } = exchange;
  if (apiPath === undefined) throw new Error('a request without an address');
  // Neither MAAS nor RFC 9110 §9.3.1 gives a body on GET or HEAD a meaning.
  const streams = body === undefined && method !== 'GET' && method !== 'HEAD' && hasBody(request);
  const length = streams ? Number(request.headers['content-length']) : body && sizeOf(body);
  exchange.sentAt = performance.now();
  return {
    exchange,
    origin: maas.origin,
    path: `${maas.apiPath}${apiPath.path}${apiPath.query}`,
    method,
    headers: requestHeaders(exchange, length, pseudonym),
    body: streams ? detachedBody(request) : body === undefined ? null : asSent(body),
  };
}

/** A body that the proxy holds, for undici: in one piece it can be sent again, in several as long as nothing of it was read. */
function asSent(body: readonly Buffer[]): Buffer | Readable {
  return body.length > 1 ? Readable.from(body) : (body[0] ?? Buffer.alloc(0));
}

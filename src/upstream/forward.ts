import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { Dispatcher } from 'undici';
import { Relay, type AnswerHead, type RelayOptions } from '../answer/relay.ts';
import { detachedBody, hasBody } from '../client-body.ts';
import type { Exchange } from '../exchange.ts';
import type { Sending } from './attempt.ts';
import { requestHeaders } from './request-headers.ts';

const carried: unique symbol = Symbol('the exchange that these headers belong to');

/** What reply-from calls in place of undici's `request`. */
interface Requester {
  request(
    options: { headers: { [carried]?: Exchange } },
    answer: (error: Error | null, head?: AnswerHead) => void,
  ): void;
}

/**
 * Step 8 as options for @fastify/http-proxy. Its seams are used where its own way would change what passes: the address
 * is not parsed again (that would turn `\` into `/` and drop `/./`), the headers are not copied twice, and the answer
 * goes to the client's socket without two streams between.
 *
 * @param dispatch the chain that ends at MAAS; where there are several regions, it takes the address of the first for any
 */
export function forward(options: RelayOptions, dispatch: Dispatcher['dispatch']): FastifyHttpProxyOptions {
  const requester: Requester = {
    request({ headers }, answer) {
      const exchange = headers[carried];
      if (exchange === undefined) throw new Error('a request without its exchange');
      send(exchange, options, dispatch, answer);
    },
  };
  return {
    upstream: options.regions[0].origin,
    undici: requester as unknown as NonNullable<FastifyHttpProxyOptions['undici']>,
    retryMethods: [],
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    replyOptions: {
      rewriteRequestHeaders: (request) =>
        ({ [carried]: (request as FastifyRequest).exchange }) as Record<string, never>,
      onError: (reply, { error }) => void (reply as FastifyReply).send(error.cause ?? error),
      onResponse: (_request, reply, answer) => {
        (reply as FastifyReply).hijack();
        (answer as unknown as { stream: Relay }).stream.begin();
      },
    },
  };
}

function send(
  exchange: Exchange,
  options: RelayOptions,
  dispatch: Dispatcher['dispatch'],
  answer: (error: Error | null, head?: AnswerHead) => void,
): void {
  const { request, method, apiPath, body } = exchange;
  const [maas] = options.regions;
  if (apiPath === undefined) throw new Error('a request without an address');
  // Neither MAAS nor RFC 9110 §9.3.1 gives a body on GET or HEAD a meaning.
  const streams = body === undefined && method !== 'GET' && method !== 'HEAD' && hasBody(request);
  const length = body?.length ?? (streams ? Number(request.headers['content-length']) : undefined);
  const sending: Sending = {
    exchange,
    origin: maas.origin,
    path: `${maas.apiPath}${apiPath.path}${apiPath.query}`,
    method,
    headers: requestHeaders(exchange, length),
    body: body ?? (streams ? detachedBody(request) : null),
  };
  exchange.sentAt = performance.now();
  dispatch(sending, new Relay(exchange, options, answer));
}

import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TlsOptions } from 'node:tls';
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Keep } from '../access-log/access-log.ts';
import type { MemoryBounds } from '../config/memory-budget.ts';
import { IncomingRequest } from '../http/incoming-request.ts';
import { maxFields } from '../inbound/head-room.ts';
import type { LastExchanges } from '../inbound/pipelining.ts';
import { keepAliveTimeoutMs } from './connections.ts';
import { reportFailedHandshakes } from './failed-handshakes.ts';
import { rejectConnect, rejectMalformedInput } from './malformed-input.ts';
import { noSchemas } from './no-schemas.ts';
import { boundUnfinishedHeads } from './unfinished-heads.ts';

/** What a server is made of. */
export interface ServerOptions {
  /** What https is served with; `undefined` for plain http. */
  readonly tls: TlsOptions | undefined;
  /** The last exchange of each connection, which malformed input behind it must wait for. */
  readonly last: LastExchanges;
  readonly log: Logger;
  /** Takes the access-log entry of what never becomes a request. */
  readonly keep: Keep;
  readonly memory: MemoryBounds;
  /**
   * Called for each request, whatever its method and path; the response is its own affair from then on.
   *
   * @param target the request target as it came
   */
  onRequest(request: IncomingMessage, response: ServerResponse, target: string): void;
}

/**
 * Up to which size Node reads a request's head, bytes. It is more than the message step lets pass, so that the step can say
 * whether the address or the headers are too long.
 */
const parsedHeadSize = 128 * 1024;

/**
 * How much of a response may wait in a connection for a client that reads slowly, bytes. It is more than the 64 KiB that Node
 * reads from MAAS at once: of a client that takes each piece at once, Node would otherwise say that it is slow, and MAAS
 * would be stopped for each piece (a sixth of a download's CPU).
 */
const roomForClient = 128 * 1024;

/** How long a client may take for the head of a request, and for a TLS handshake, ms: against those that send a byte now and then. */
const headTimeoutMs = 30_000;

/** Fastify is to read no body: it would decode text and refuse what it does not know. Bodies are streamed as they come. */
const bodyUnread = { hasBody: false, overrideExisting: true };

/** All that Node hands to a server: CONNECT it hands to nobody. */
const methods = METHODS.filter((method) => method !== 'CONNECT');

/**
 * Sets up Node's and Fastify's server, so that each request goes the way of app.ts: by the `preHandler` of
 * @fastify/http-proxy, whose own way is never gone. It parses the address three times (a twentieth of a request's CPU), and reply-from
 * behind it would change what passes (`\` into `/`, and `/./` dropped), copies the headers twice, and puts two streams
 * between MAAS's response and the client's socket (a tenth).
 */
export function createServer({ tls, last, log, keep, memory, onRequest }: ServerOptions): FastifyInstance {
  const http = {
    IncomingMessage: IncomingRequest, // bodies in tiny chunks take the memory of their bytes
    requireHostHeader: false, // the host step says it in a problem document
    maxHeaderSize: parsedHeadSize,
    highWaterMark: roomForClient,
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: 5_000,
  };
  const app: FastifyInstance = fastify({
    // There is one route. What a path means is the address step's to say, from the raw bytes.
    rewriteUrl: () => '/',
    schemaController: noSchemas,
    exposeHeadRoutes: false,
    ...(tls === undefined ? { http } : { https: { ...http, ...tls, handshakeTimeout: headTimeoutMs } }),
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: 0,
    clientErrorHandler: rejectMalformedInput(log, last),
  });
  const { server } = app;
  server.on('connect', rejectConnect(keep));
  if (tls !== undefined) reportFailedHandshakes(server, log);
  // Node leaves out those beyond it in silence; by the one more the message step sees that there are too many.
  server.maxHeadersCount = maxFields + 1;
  server.maxConnections = memory.connections;
  boundUnfinishedHeads(server, memory.unfinishedHeads, parsedHeadSize);
  for (const method of methods) app.addHttpMethod(method, bodyUnread);
  void app.register(httpProxy, {
    upstream: 'http://127.0.0.1', // where its own way would lead
    globalAgent: true, // none of reply-from's own, which nothing would use
    httpMethods: methods,
    routes: ['/'],
    preHandler(request, reply) {
      reply.hijack();
      onRequest(request.raw, reply.raw, request.originalUrl);
    },
  });
  return app;
}

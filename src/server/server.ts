import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TlsOptions } from 'node:tls';
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { EntrySink } from '../access-log/access-log.ts';
import type { MemoryBounds } from '../config/memory-budget.ts';
import { IncomingRequest } from '../http/incoming-request.ts';
import { maxFields } from '../inbound/header-budget.ts';
import type { LastExchanges } from '../inbound/pipelining.ts';
import { keepAliveTimeoutMs } from './connections.ts';
import { reportFailedHandshakes } from './failed-handshakes.ts';
import { rejectConnect, rejectMalformedInput } from './malformed-input.ts';
import { noSchemas } from './no-schemas.ts';
import { boundIncompleteHeaders } from './incomplete-headers.ts';

/** The options of a server. */
export interface ServerOptions {
  /** TLS options of the https listener; `undefined` for plain http. */
  readonly tls: TlsOptions | undefined;
  /** The last exchange of each connection; the response to malformed input waits for it. */
  readonly last: LastExchanges;
  readonly log: Logger;
  /** Receives the access-log entry of input that never becomes a request. */
  readonly sink: EntrySink;
  readonly memory: MemoryBounds;
  /**
   * Called for each request, whatever its method and path; it must send the response.
   *
   * @param target the request target as it came
   */
  onRequest(request: IncomingMessage, response: ServerResponse, target: string): void;
}

/**
 * The largest header section that Node reads, bytes. It is more than the message step accepts, so that the step can say
 * whether the address or the fields are too long.
 */
const parsedHeadSize = 128 * 1024;

/**
 * How much of a response may wait in a connection for a slow client, bytes. It is more than the 64 KiB that Node reads
 * from MAAS in one piece: otherwise Node would report a fast client as slow after each piece, and MAAS would be paused
 * each time (a sixth of a download's CPU).
 */
const socketHighWaterMark = 128 * 1024;

/**
 * How long a client may take for request headers, and for a TLS handshake, ms: against clients that send one byte now
 * and then.
 */
const headTimeoutMs = 30_000;

/** Fastify must read no body: it would decode text and refuse unknown types. Bodies are streamed as they come. */
const bodyUnread = { hasBody: false, overrideExisting: true };

/** All methods that Node passes to a server; CONNECT is an event of its own. */
const methods = METHODS.filter((method) => method !== 'CONNECT');

/**
 * Sets up Node's and Fastify's server, so that each request goes the way of app.ts: through the `preHandler` of
 * @fastify/http-proxy, whose own forwarding is never used. It parses the address three times (a twentieth of a
 * request's CPU), and reply-from behind it would change what passes (`\` becomes `/`, and `/./` is dropped), copy the
 * headers twice, and put two streams between MAAS's response and the client's socket (a tenth).
 */
export function createServer({ tls, last, log, sink, memory, onRequest }: ServerOptions): FastifyInstance {
  const http = {
    IncomingMessage: IncomingRequest, // bodies in tiny chunks take the memory of their bytes
    requireHostHeader: false, // the host step says it in a problem document
    maxHeaderSize: parsedHeadSize,
    highWaterMark: socketHighWaterMark,
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: 5_000,
  };
  const app: FastifyInstance = fastify({
    // There is one route. The address step reads the path from the raw bytes.
    rewriteUrl: () => '/',
    schemaController: noSchemas,
    exposeHeadRoutes: false,
    ...(tls === undefined ? { http } : { https: { ...http, ...tls, handshakeTimeout: headTimeoutMs } }),
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: 0,
    clientErrorHandler: rejectMalformedInput(log, last),
  });
  const { server } = app;
  server.on('connect', rejectConnect(sink));
  if (tls !== undefined) reportFailedHandshakes(server, log);
  // Node silently drops fields beyond its limit; this limit is higher by one, so the message step notices.
  server.maxHeadersCount = maxFields + 1;
  server.maxConnections = memory.connections;
  boundIncompleteHeaders(server, memory.incompleteHeaders, parsedHeadSize);
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

import { METHODS } from 'node:http';
import type { TlsOptions } from 'node:tls';
import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import type { Policy } from './policy/policy.ts';
import { reportFailedHandshakes } from './server/failed-handshakes.ts';
import { rejectConnect, rejectMalformedInput } from './server/malformed-input.ts';
import { sendProblem } from './respond/problem-response.ts';
import { relayResponse } from './respond/relay-response.ts';
import { createSlowReaders } from './respond/slow-readers.ts';
import type { Nonces } from './clients/nonces.ts';
import type { Registry } from './clients/registry.ts';
import type { MemoryBounds } from './config/memory-budget.ts';
import type { ClientAuthorities } from './config/tls/tls-files.ts';
import { keepAliveTimeoutMs } from './server/connections.ts';
import type { Exchange, Step } from './exchange.ts';
import { address } from './inbound/address.ts';
import { IncomingRequest } from './http/incoming-request.ts';
import { createBodyReader } from './inbound/request-body.ts';
import { browser } from './inbound/browser.ts';
import { createAuthentication } from './inbound/authenticate.ts';
import { createHeadRoom, maxFields } from './inbound/head-room.ts';
import { host } from './inbound/host.ts';
import { limits, type Limits } from './inbound/limits.ts';
import { loop } from './inbound/loop.ts';
import { message } from './inbound/message.ts';
import { authorize } from './inbound/authorize.ts';
import { keepRecords, logAccess, requestId, type AccessLogEntry } from './access-log/access-log.ts';
import { inPipelineOrder, type LastExchanges } from './inbound/pipelining.ts';
import type { Limiter } from './limits/limiter.ts';
import type { Regions } from './maas/maas-address.ts';
import { randomHex } from './maas/random-hex.ts';
import { noSchemas } from './server/no-schemas.ts';
import { createBodyBuffer, smallBody } from './inbound/buffered-body.ts';
import { peerAddress } from './http/peer.ts';
import { Problem } from './problem.ts';
import { boundUnfinishedHeads } from './server/unfinished-heads.ts';
import { forward } from './upstream/forward.ts';

/** What a proxy is made of. */
export interface AppOptions {
  readonly regions: Regions;
  /** The chain that ends at MAAS, signing included. */
  readonly dispatch: Dispatcher['dispatch'];
  /** The name that the proxy goes by in the `Via` of what it sends to MAAS. */
  readonly pseudonym: string;
  /** Whether JSON is made a form for operations that read forms alone. */
  readonly jsonToForm: boolean;
  /** Whether answers are compressed for clients that take that. */
  readonly compress: boolean;
  /** The address that the proxy listens on. */
  readonly host: string;
  /** Further names that it goes by. */
  readonly allowedHosts: readonly string[];
  /** The policy in force, asked for each request. */
  readonly policy: () => Policy;
  /** The clients of a gateway; `undefined` where nobody has to prove anything. */
  readonly registry: Registry | undefined;
  /** Which signatures of clients have been used. */
  readonly nonces: Nonces;
  /** Whether what MAAS answers to anybody needs no key at a gateway either. */
  readonly anonymous: boolean;
  /** What clients may ask for, and who keeps account of it. */
  readonly limits: Limits;
  readonly limiter: Limiter;
  /** What https is served with; `undefined` for plain http. */
  readonly tls?: TlsOptions | undefined;
  /** The authorities in force of clients that prove themselves by a certificate; `undefined` where they do it by a key. */
  readonly clientAuthorities?: (() => ClientAuthorities) | undefined;
  /** How much may be held of what clients and MAAS send. */
  readonly memory: MemoryBounds;
  readonly log: Logger;
  /** Where the record of each request goes beside the log. */
  readonly records: readonly ((recorded: AccessLogEntry) => void)[];
}

/** All but CONNECT, which would open a tunnel, and TRACE, by which MAAS would send the signed header back (RFC 9110 §9.3.8). */
const methods = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE');

/** Builds the proxy: the way of a request, from top to bottom. */
export function buildApp({ regions, dispatch, memory, log, ...options }: AppOptions): FastifyInstance {
  const last: LastExchanges = new WeakMap();
  const heads = createHeadRoom({ all: memory.heads, perConnection: waitingHeads });
  const takeBody = createBodyReader(options.jsonToForm, createBodyBuffer({ all: memory.bodies, small: smallBody }));
  const way: readonly Step[] = [
    inPipelineOrder(last, heads), //                           one after the other on a connection
    message(heads), //                              one HTTP/1 message that everybody reads alike?
    loop(options.pseudonym), //                     sent by this very proxy?
    host(options.host, options.allowedHosts), //  1 one Host, and a name of the proxy's?
    browser, //                                   2 from a web page of another origin?
    address, //                                   3 which MAAS API path is meant?
    createAuthentication(options), //                            4 whose key is it?
    limits(options.limits, options.limiter), //   5 is this client within its share?
    authorize(options.policy, takeBody), //        6 7 which operation is it, and may it be done?
    takeBody, //                                  6 a length for the body; JSON made the form that MAAS reads
  ];
  const compressed = options.compress ? memory.compressed : 0;
  const slowReaders = createSlowReaders(memory.unread);
  const answering = relayResponse({ regions, compressed, slowReaders });
  const forwarding = forward(regions, dispatch, answering, options.pseudonym); //  8, 9
  const keep = keepRecords(log, options.records);
  const recording = logAccess(keep); //              10

  const http = {
    IncomingMessage: IncomingRequest, // bodies in tiny chunks take the memory of their bytes
    requireHostHeader: false, // the host step says it in a problem document
    maxHeaderSize: parsedHeadSize,
    highWaterMark: roomForClient,
    headersTimeout: headPatience,
    connectionsCheckingInterval: 5_000,
  };
  const app: FastifyInstance = fastify({
    // There is one route. What a path means is the address step's to say, from the raw bytes.
    rewriteUrl: () => '/',
    schemaController: noSchemas,
    exposeHeadRoutes: false,
    ...(options.tls === undefined ? { http } : { https: { ...http, ...options.tls, handshakeTimeout: headPatience } }),
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: 0,
    clientErrorHandler: rejectMalformedInput(log, last),
  });
  const { server } = app;
  server.on('connect', rejectConnect(keep));
  if (options.tls !== undefined) reportFailedHandshakes(server, log);
  // Node leaves out those beyond it in silence; by the one more the message step sees that there are too many.
  server.maxHeadersCount = maxFields + 1;
  server.maxConnections = memory.connections;
  boundUnfinishedHeads(server, memory.unfinishedHeads, parsedHeadSize);
  for (const method of methods) app.addHttpMethod(method, bodyUnread);
  app.setErrorHandler(sendProblem);
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

/**
 * Up to which size Node reads a request's head, bytes. It is more than the message step lets pass, so that the step can say
 * whether the address or the headers are too long.
 */
const parsedHeadSize = 128 * 1024;

/**
 * How much of an answer may wait in a connection for a client that reads slowly, bytes. It is more than the 64 KiB that Node reads from MAAS at
 * once: of a client that takes each piece at once, Node would otherwise say that it is slow, and MAAS would be stopped for
 * each piece (a sixth of a download's CPU).
 */
const roomForClient = 128 * 1024;

/** How long a client may take for the head of a request, and for a TLS handshake, ms: against those that send a byte now and then. */
const headPatience = 30_000;

/** How much of heads may wait on one connection, bytes; beyond that nothing more is read from it. */
const waitingHeads = 64 * 1024;

/** Fastify is to read no body: it would decode text and refuse what it does not know. Bodies are streamed as they come. */
const bodyUnread = { hasBody: false, overrideExisting: true };

function begin(request: Exchange['request'] & { originalUrl?: string }, response: Exchange['response']): Exchange {
  return {
    id: requestId(request, () => randomHex(8)),
    request,
    response,
    method: request.method ?? 'GET',
    target: request.originalUrl ?? '/',
    peer: peerAddress(request.socket),
    startedAt: performance.now(),
    apiPath: undefined,
    body: undefined,
    contentType: undefined,
    client: undefined,
    isAnonymous: false,
    isUnsigned: false,
    operation: undefined,
    rule: undefined,
    operationClass: undefined,
    closes: false,
    isWritten: false,
    mustClose: false,
    waitedMs: 0,
    reuse: undefined,
    region: undefined,
    attempts: 0,
    sentAt: 0,
    answeredAt: 0,
    bytesOut: 0,
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

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TlsOptions } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { writeEntries, logAccess, requestId, type EntrySink } from './access-log/access-log.ts';
import { beginExchange, type Exchange } from './exchange.ts';
import { resolveAddress } from './inbound/address.ts';
import { createAuthentication, type AuthenticationOptions } from './inbound/authenticate.ts';
import { authorize } from './inbound/authorize.ts';
import { checkBrowser } from './inbound/browser.ts';
import { createBodyBuffer, smallBody } from './inbound/buffered-body.ts';
import { createLoopCheck } from './inbound/loop.ts';
import { createHeaderBudget } from './inbound/header-budget.ts';
import { createHostCheck } from './inbound/host.ts';
import { createAdmission, type Limits } from './inbound/limits.ts';
import { createMessageCheck } from './inbound/message.ts';
import { createOperationStep } from './inbound/operation.ts';
import { inPipelineOrder, type LastExchanges } from './inbound/pipelining.ts';
import { createBodyReader } from './inbound/request-body.ts';
import type { Limiter } from './limits/limiter.ts';
import type { MemoryBounds } from './config/memory-budget.ts';
import type { Regions } from './maas/maas-address.ts';
import type { Policy } from './policy/policy.ts';
import { isForPage } from './page/addresses.ts';
import { createPage, type PageOptions } from './page/page.ts';
import { sendProblem } from './respond/problem-response.ts';
import { createSlowReaders } from './respond/slow-readers.ts';
import { relayResponse } from './respond/relay-response.ts';
import { createServer } from './server/server.ts';
import { forward } from './upstream/forward.ts';
import type { UpstreamDispatch } from './upstream/handler.ts';

/** What a proxy is made of. */
export interface AppOptions extends AuthenticationOptions {
  readonly regions: Regions;
  /** The chain that ends at MAAS, signing included. */
  readonly dispatch: UpstreamDispatch;
  /** The name of the proxy in the `Via` of what it sends. */
  readonly pseudonym: string;
  /** Whether JSON is made a form for operations that read forms alone. */
  readonly jsonToForm: boolean;
  /** Whether responses are compressed for clients that accept it. */
  readonly compress: boolean;
  /** The address that the proxy listens on. */
  readonly host: string;
  /** Further names of the proxy. */
  readonly allowedHosts: readonly string[];
  /** The current policy; read for each request. */
  readonly policy: () => Policy;
  /** The limits of clients, and the limiter that counts their requests. */
  readonly limits: Limits;
  readonly limiter: Limiter;
  /** TLS options of the https listener; `undefined` for plain http. */
  readonly tls?: TlsOptions | undefined;
  readonly log: Logger;
  /** Receive the access-log entry of each request, as the log does. */
  readonly entrySinks: readonly EntrySink[];
  /** The page in the browser; `undefined` if there is none. */
  readonly page?: PageOptions | undefined;
  /** The bounds of memory. */
  readonly memory: MemoryBounds;
}

/**
 * How many bytes of pipelined request headers may wait on one connection; at this bound the proxy stops reading from
 * it.
 */
const queuedHeaderBytes = 64 * 1024;

/**
 * Builds the proxy: the way of a request, in the order in which it happens. The file of each step has the step's name.
 */
export function buildApp(options: AppOptions): FastifyInstance {
  const { regions, memory } = options;
  const last: LastExchanges = new WeakMap();
  const headers = createHeaderBudget({ all: memory.headers, perConnection: queuedHeaderBytes });
  const order = inPipelineOrder(last, headers);
  const checkMessage = createMessageCheck(headers);
  const checkLoop = createLoopCheck(options.pseudonym);
  const checkHost = createHostCheck(options.host, options.allowedHosts);
  const authenticate = createAuthentication(options);
  const admit = createAdmission(options.limits, options.limiter);
  const page = options.page && createPage(options.page, { authenticate, admit, policy: options.policy });
  const readBody = createBodyReader(options.jsonToForm, createBodyBuffer({ all: memory.bodies, small: smallBody }));
  const resolveOperation = createOperationStep(readBody);
  const relaying = {
    regions,
    maxCompressed: options.compress ? memory.compressed : 0,
    slowReaders: createSlowReaders(memory.unread),
  };
  const sink = writeEntries(options.log, options.entrySinks);
  const log = logAccess(sink);

  async function handle(exchange: Exchange): Promise<void> {
    const { trace } = exchange;
    await order(exchange); //                                                      one after the other on a connection
    checkMessage(exchange); //                                                     one HTTP/1 message that everybody reads alike?
    checkLoop(exchange); //                                                        sent by this very proxy?
    checkHost(exchange); //                                                      1 one Host, and a name of the proxy's?
    checkBrowser(exchange); //                                                   2 from a web page of another origin?
    if (page !== undefined && isForPage(exchange)) return page(exchange); // for the page, not for MAAS?
    const addressed = resolveAddress(exchange); //                               3 which MAAS API path is meant?
    const { apiPath } = addressed;
    trace.operation = addressed.operation;
    const identity = (trace.identity = await authenticate(exchange, addressed)); // 4 which client's key is it?
    await admit(exchange, identity); //                                          5 is this client within its share?
    const policy = identity.client?.policy ?? options.policy();
    const operation = await resolveOperation(exchange, addressed, identity, policy); // 6 which operation is it?
    authorize(exchange, identity, policy, operation); //                         7 may this client do that?
    const body = operation.body ?? (await readBody(exchange, operation, identity)); //   8 to MAAS
    const relay = relayResponse({ exchange, apiPath, operationClass: operation.operationClass }, relaying); // 9 and back
    forward({ exchange, apiPath, identity, operation, body }, options, relay);
  }

  function onRequest(request: IncomingMessage, response: ServerResponse, target: string): void {
    const exchange = beginExchange(requestId(request), request, response, target);
    log(exchange); //                                                     10
    handle(exchange).catch((error: unknown) => sendProblem(exchange, error));
  }

  return createServer({ tls: options.tls, last, log: options.log, sink, memory, onRequest });
}

import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { receivedBytes } from '../http/request-body.ts';
import { anonymousName } from '../clients/client.ts';
import type { Exchange } from '../exchange.ts';
import { holdsKey, maskKeys } from '../maas/mask-keys.ts';
import { operationName, unknownOperation } from '../maas/operations/operation-name.ts';
import { resolveOperation } from '../maas/operations/operation.ts';
import { parserFault } from '../http/parser-fault.ts';
import { peerAddress } from '../http/peer.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { errorCode } from '../upstream/errors.ts';

/**
 * The access-log entry of a finished request. Of the query only the names, since values may be secrets. What is `undefined` is
 * written nowhere; the properties are always there and in one order, so that all records have one shape for V8.
 */
export interface AccessLogEntry {
  readonly requestId: string;
  /** Who asked, in a gateway; `anonymous` where it was let pass without a key. With `client-unknown`, whose key it was that was refused. */
  readonly client: string | undefined;
  /** What was asked, as MAAS's documentation names it: `POST machines/{system_id} deploy`; `other` where that is nothing of MAAS's. */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Whether the proxy let it pass; missing where the client left before. */
  readonly verdict: 'allowed' | 'refused' | undefined;
  /** The rule of the policy that decided. */
  readonly rule: string | undefined;
  readonly peer: string;
  /** Of the bodies, not of the heads. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** From the request's head to the end of the response, ms. */
  readonly ms: number;
  /** Of that in the proxy's line, ms. */
  readonly waitMs: number | undefined;
  /** Of that at MAAS, until its response began, ms. */
  readonly maasMs: number | undefined;
  /** The address of the region controller that answered, where MAAS has several. */
  readonly region: string | undefined;
  /** How often it was sent again. */
  readonly retries: number | undefined;
  /** Its response was another request's (`collapsed`), or was served from cache (`hit`). */
  readonly reuse: 'collapsed' | 'hit' | undefined;
  /** The problem, where there was one, and what caused it. */
  readonly code: ProblemCode | undefined;
  readonly cause: string | undefined;
}

/** What requests for the page are called, at the proxy's own addresses. */
export const pageOperation = 'page';

/** Takes the record of a request that is over. */
export type Keep = (recorded: AccessLogEntry) => void;

/** Writes access-log entries to the log, and to further places. */
export function keepRecords(log: Logger, further: readonly Keep[]): Keep {
  return (recorded) => {
    log[levelOf(recorded)](recorded, 'request');
    for (const keep of further) keep(recorded);
  };
}

/**
 * Step 10: one record for each request, once its connection is done with it: answered, broken off, or left by the client
 * (499).
 */
export function logAccess(keep: Keep): (exchange: Exchange) => void {
  return (exchange) => {
    exchange.onEnd(() => keep(summarise(exchange)));
  };
}

/** A failure is an error, what the proxy refuses a warning; what MAAS refuses is for the client to mind. */
function levelOf({ status, code, method, path, operation }: AccessLogEntry): 'error' | 'warn' | 'info' | 'debug' {
  if (status >= 500) return 'error';
  // Every browser asks for it, unbidden.
  if (method === 'GET' && path === '/favicon.ico') return 'debug';
  // The page asks for several things at once, and whoever closes it has left its stream.
  if (operation === pageOperation && (code === undefined || code === 'client-gone')) return 'debug';
  return code === undefined || code === 'client-gone' ? 'info' : 'warn';
}

/** The record of a request that was refused before it could go on its way: CONNECT, for which Node has a socket alone. */
export function recordConnect(
  request: IncomingMessage,
  { code, status }: Problem,
  id: string,
  bytesOut: number,
): AccessLogEntry {
  return {
    requestId: id,
    client: undefined,
    operation: unknownOperation,
    method: 'CONNECT',
    path: loggable(request.url ?? ''),
    status,
    verdict: 'refused',
    rule: undefined,
    peer: peerAddress(request.socket) ?? 'unix',
    bytesIn: 0,
    bytesOut,
    ms: 0,
    waitMs: undefined,
    maasMs: undefined,
    region: undefined,
    retries: undefined,
    reuse: undefined,
    code,
    cause: undefined,
  };
}

function summarise(exchange: Exchange): AccessLogEntry {
  const { request, response, trace } = exchange;
  const { problem, reuse, region, attempts, responseStartedAt, sentAt, queuedMs } = trace;
  const status = isAnswered(exchange) ? response.statusCode : brokenStatus(exchange);
  return {
    requestId: exchange.id,
    client: trace.identity.client?.client.name ?? (trace.identity.isAnonymous ? anonymousName : problem?.client),
    operation: nameOperation(exchange),
    method: exchange.method,
    path: loggable(exchange.target),
    status,
    verdict: verdictOn(exchange),
    rule: trace.rule,
    peer: exchange.peer ?? 'unix',
    bytesIn: receivedBytes(request),
    bytesOut: trace.bytesOut,
    ms: round(performance.now() - exchange.startedAt),
    waitMs: sentAt > 0 ? round(queuedMs) : undefined,
    // What was sent on another's behalf, or was known already, was not at MAAS.
    maasMs:
      responseStartedAt > 0 && reuse === undefined
        ? round(Math.max(0, responseStartedAt - sentAt - queuedMs))
        : undefined,
    region: region?.href,
    retries: attempts > 1 ? attempts - 1 : undefined,
    reuse,
    code: problem?.code ?? (status === 499 ? 'client-gone' : undefined),
    cause: problem && causeOf(problem),
  };
}

/** Whether the client got the response whole, though it may have left before the rest of its request was read. */
function isAnswered({ response, connection }: Exchange): boolean {
  return response.writableFinished || (connection.isResponseWritten && response.writableLength === 0);
}

/** Of a response that did not reach the client whole: by MAAS's fault its problem's status, else the client has left. */
function brokenStatus({ response, trace: { problem } }: Exchange): number {
  return problem === undefined || problem.status === response.statusCode ? 499 : problem.status;
}

function verdictOn({ trace: { sentAt, problem } }: Exchange): AccessLogEntry['verdict'] {
  if (sentAt > 0) return 'allowed';
  return problem === undefined || problem.code === 'client-gone' ? undefined : 'refused';
}

/** What was asked, also of a request that was refused before anybody had to know. */
function nameOperation({ method, trace: { apiPath, operation, isOwnAddress } }: Exchange): string {
  if (isOwnAddress) return pageOperation;
  if (apiPath === undefined) return unknownOperation;
  return operationName(operation ?? resolveOperation(method, apiPath));
}

function causeOf({ cause }: Problem): string | undefined {
  if (typeof cause === 'string') return maskKeys(cause);
  if (!(cause instanceof Error)) return undefined;
  const known = errorCode(cause);
  if (known.startsWith('HPE_')) return maskKeys(parserFault(known) ?? cause.message);
  return maskKeys(known === '' || cause.message.includes(known) ? cause.message : `${known}: ${cause.message}`);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** How much of an address is written, characters: those of 64 KiB would fill a disk, also for somebody without a key. */
const loggedLength = 2_048;

/** The target without the values of its query, without what a program may have put in front of the host, and without keys elsewhere. */
function loggable(given: string): string {
  const target = given.replace(/^([A-Za-z][\w+.-]*:\/\/)?[^/?#]*@/, '$1');
  const at = target.indexOf('?');
  // Masked before it is cut: of a key cut in two nothing would show that it is one.
  const shown = maskKeys(at === -1 ? target : target.slice(0, at) + target.slice(at).replaceAll(/=[^&]*/g, ''));
  return shown.length > loggedLength ? `${shown.slice(0, loggedLength)}…` : shown;
}

const requestIdForm = /^[\x21-\x7e]{1,128}$/;

/** The client's own `X-Request-Id` where it is a plain word and no key, so that its logs and ours can be laid side by side. */
export function requestId(request: IncomingMessage, make: () => string): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && requestIdForm.test(given) && !holdsKey(given) ? given : make();
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { receivedBytes } from '../http/request-body.ts';
import { anonymousName } from '../clients/client.ts';
import type { Exchange } from '../exchange.ts';
import { holdsKey, maskKeys } from '../maas/mask-keys.ts';
import { operationName, unknownOperation } from '../maas/operations/operation-name.ts';
import { parserFault } from '../http/parser-fault.ts';
import { peerAddress } from '../http/peer.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { errorCode } from '../upstream/errors.ts';

/**
 * The access-log entry of a request that has ended. It has only the names of the query, because values may be secrets.
 * Members that are `undefined` are not written; all members always exist and have one order, so that V8 uses one hidden
 * class.
 */
export interface AccessLogEntry {
  readonly requestId: string;
  /**
   * The client, in a gateway; `anonymous` for a request that needed no key. With `client-unknown`: the owner of the
   * refused key.
   */
  readonly client: string | undefined;
  /**
   * The operation, as MAAS's documentation names it: `POST machines/{system_id} deploy`; `other` for an unknown one.
   */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Whether the proxy allowed it; missing if the client disconnected before the decision. */
  readonly verdict: 'allowed' | 'refused' | undefined;
  /** The policy rule that decided. */
  readonly rule: string | undefined;
  readonly peer: string;
  /** The size of the bodies, without headers. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** From the request's headers to the end of the response, ms. */
  readonly ms: number;
  /** The part of `ms` in the proxy's queue. */
  readonly waitMs: number | undefined;
  /** The part of `ms` at MAAS, until its response began. */
  readonly maasMs: number | undefined;
  /** The address of the region controller that responded, if MAAS has several. */
  readonly region: string | undefined;
  /** How many times it was sent again. */
  readonly retries: number | undefined;
  /** Its response came from another request (`collapsed`), or from the cache (`hit`). */
  readonly reuse: 'collapsed' | 'hit' | undefined;
  /** The problem, if there was one, and its cause. */
  readonly code: ProblemCode | undefined;
  readonly cause: string | undefined;
}

/** The operation of requests for the page, at the proxy's own addresses. */
export const pageOperation = 'page';

/** Receives the entry of a request that has ended, and its problem, if there was one. */
export type EntrySink = (entry: AccessLogEntry, problem?: Problem) => void;

/** Writes entries to the log, and passes them to further sinks. */
export function writeEntries(log: Logger, furtherSinks: readonly EntrySink[]): EntrySink {
  return (entry, problem) => {
    log[levelOf(entry)](entry, 'request');
    for (const sink of furtherSinks) sink(entry, problem);
  };
}

/**
 * Step 10: writes one entry per request, when its exchange has ended: complete, broken off, or left by the client
 * (499).
 */
export function logAccess(sink: EntrySink): (exchange: Exchange) => void {
  return (exchange) => {
    exchange.onEnd(() => sink(summarise(exchange), exchange.trace.problem));
  };
}

/** A failure is an error, and a refusal of the proxy's a warning; refusals of MAAS's concern the client only. */
function levelOf({ status, code, method, path, operation }: AccessLogEntry): 'error' | 'warn' | 'info' | 'debug' {
  if (status >= 500) return 'error';
  // Every browser requests it without being told to.
  if (method === 'GET' && path === '/favicon.ico') return 'debug';
  // The page sends several concurrent requests, and closing it ends its event stream.
  if (operation === pageOperation && (code === undefined || code === 'client-gone')) return 'debug';
  return code === undefined || code === 'client-gone' ? 'info' : 'warn';
}

/** The entry of a CONNECT request, which is refused before it becomes an exchange: Node emits only a socket. */
export function connectEntry(
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
  const status = isResponseComplete(exchange) ? response.statusCode : brokenStatus(exchange);
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
    // A collapsed or cached response took no time at MAAS.
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

/** Whether the client got the complete response; it may have disconnected before the rest of its request was read. */
function isResponseComplete({ response, connection }: Exchange): boolean {
  return response.writableFinished || (connection.isResponseWritten && response.writableLength === 0);
}

/**
 * The status of an incomplete response: the problem's if MAAS broke it off, else 499, because the client disconnected.
 */
function brokenStatus({ response, trace: { problem } }: Exchange): number {
  return problem === undefined || problem.status === response.statusCode ? 499 : problem.status;
}

function verdictOn({ trace: { sentAt, problem } }: Exchange): AccessLogEntry['verdict'] {
  if (sentAt > 0) return 'allowed';
  return problem === undefined || problem.code === 'client-gone' ? undefined : 'refused';
}

/** Names the operation, also for a request that was refused before step 6. */
function nameOperation({ trace: { operation, isOwnAddress } }: Exchange): string {
  if (isOwnAddress) return pageOperation;
  return operation === undefined ? unknownOperation : operationName(operation);
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

/** The longest address that is logged, characters: longer ones would let a client without a key fill the disk. */
const loggedLength = 2_048;

/** The target without the values of its query, without user information before the host, and with keys masked. */
function loggable(rawTarget: string): string {
  const target = rawTarget.replace(/^([A-Za-z][\w+.-]*:\/\/)?[^/?#]*@/, '$1');
  const at = target.indexOf('?');
  // Masked before it is cut: half a key would not be recognised as one.
  const shown = maskKeys(at === -1 ? target : target.slice(0, at) + target.slice(at).replaceAll(/=[^&]*/g, ''));
  return shown.length > loggedLength ? `${shown.slice(0, loggedLength)}…` : shown;
}

const requestIdForm = /^[\x21-\x7e]{1,128}$/;

/**
 * The client's own `X-Request-Id`, if it is a plain word and no key, so that its logs and the proxy's can be matched; else
 * a new id.
 */
export function requestId(request: IncomingMessage): string {
  const received = request.headers['x-request-id'];
  return typeof received === 'string' && requestIdForm.test(received) && !holdsKey(received)
    ? received
    : newRequestId();
}

/** 16 hexadecimal digits. Of `node:crypto`'s sources this is the quickest: Node keeps a stock of random bytes for it. */
export function newRequestId(): string {
  return randomUUID().replaceAll('-', '').slice(16);
}

import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { receivedBytes } from '../client-body.ts';
import type { Exchange } from '../exchange.ts';
import { operationName, unknownOperation } from '../maas/operation-name.ts';
import { hasEncodedSlash, resolveOperation } from '../maas/operation.ts';
import { peerAddress } from '../peer.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { errorCode } from '../upstream/failure.ts';

/** What is kept of a request that is over. Of the query only the names, since values may be secrets. */
export interface Recorded {
  readonly requestId: string;
  /** Who asked, in a gateway. */
  readonly client?: string;
  /** What was asked, as MAAS's documentation names it: `POST machines/{system_id} deploy`; `other` where that is nothing of MAAS's. */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Whether the proxy let it pass; missing where the client left before. */
  readonly verdict?: 'allowed' | 'refused';
  /** The rule of the policy that decided. */
  readonly rule?: string;
  readonly peer: string;
  /** Of the bodies, not of the heads. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** From the request's head to the end of the answer, ms. */
  readonly ms: number;
  /** Of that in the proxy's line, ms. */
  readonly waitMs?: number;
  /** Of that at MAAS, until its answer began, ms. */
  readonly maasMs?: number;
  /** The address of the region controller that answered, where MAAS has several. */
  readonly region?: string;
  /** How often it was sent again. */
  readonly retries?: number;
  /** Its answer was another request's (`collapsed`), or came from memory (`hit`). */
  readonly reuse?: 'collapsed' | 'hit';
  /** The problem, where there was one, and what caused it. */
  readonly code?: ProblemCode;
  readonly cause?: string;
}

/**
 * Step 10: one record for each request, once its connection is done with it: answered, broken off, or left by the client
 * (499). It goes to the log and to further places.
 */
export function record(log: Logger, further: readonly ((recorded: Recorded) => void)[]): (exchange: Exchange) => void {
  return (exchange) => {
    exchange.response.once('close', () => {
      const recorded = summarise(exchange);
      if (recorded.status >= 500) log.error(recorded, 'request');
      else log.info(recorded, 'request');
      for (const keep of further) keep(recorded);
    });
  };
}

function summarise(exchange: Exchange): Recorded {
  const { request, response, problem, rule, reuse, region, attempts, answeredAt, sentAt, waitedMs } = exchange;
  const status = isAnswered(exchange) ? response.statusCode : brokenStatus(exchange);
  const verdict = verdictOn(exchange);
  return {
    requestId: exchange.id,
    ...(exchange.client !== undefined && { client: exchange.client.client.name }),
    operation: nameOperation(exchange),
    method: exchange.method,
    path: loggable(exchange.target),
    status,
    ...(verdict !== undefined && { verdict }),
    ...(rule !== undefined && { rule }),
    peer: peerAddress(request.socket) ?? 'unix',
    bytesIn: receivedBytes(request),
    bytesOut: exchange.bytesOut,
    ms: round(performance.now() - exchange.startedAt),
    ...(sentAt > 0 && { waitMs: round(waitedMs) }),
    // What was sent on another's behalf, or was known already, was not at MAAS.
    ...(answeredAt > 0 && reuse === undefined && { maasMs: round(Math.max(0, answeredAt - sentAt - waitedMs)) }),
    ...(region !== undefined && { region: region.href }),
    ...(attempts > 1 && { retries: attempts - 1 }),
    ...(reuse !== undefined && { reuse }),
    ...(problem === undefined ? status === 499 && { code: 'client-gone' } : reason(problem)),
  };
}

/** Whether the client got the answer whole, though it may have left before the rest of its request was read. */
function isAnswered({ response, isWritten }: Exchange): boolean {
  return response.writableFinished || (isWritten && response.writableLength === 0);
}

/** Of an answer that did not reach the client whole: by MAAS's fault its problem's status, else the client has left. */
function brokenStatus({ response, problem }: Exchange): number {
  return problem === undefined || problem.status === response.statusCode ? 499 : problem.status;
}

function verdictOn({ sentAt, problem }: Exchange): Recorded['verdict'] {
  if (sentAt > 0) return 'allowed';
  return problem === undefined || problem.code === 'client-gone' ? undefined : 'refused';
}

/** What was asked, also of a request that was refused before anybody had to know. */
function nameOperation({ method, apiPath, operation }: Exchange): string {
  if (apiPath === undefined) return unknownOperation;
  const name = operationName(operation ?? resolveOperation(method, apiPath));
  if (name !== unknownOperation || !hasEncodedSlash(apiPath.segments)) return name;
  // `subnets/10.0.0.0%2F24/` names one subnet.
  return operationName(resolveOperation(method, apiPath, undefined, apiPath.segments));
}

function reason({ code, cause }: Problem): { code: ProblemCode; cause?: string } {
  if (!(cause instanceof Error)) return { code };
  const known = errorCode(cause);
  return { code, cause: known === '' || cause.message.includes(known) ? cause.message : `${known}: ${cause.message}` };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** How much of an address is written, characters: those of 64 KiB would fill a disk, also for somebody without a key. */
const loggedLength = 2_048;

/** The target without the values of its query, and without the key that a program may have put in front of the host. */
function loggable(given: string): string {
  const target = given.replace(/^([A-Za-z][\w+.-]*:\/\/)[^/?#]*@/, '$1');
  const at = target.indexOf('?');
  const shown = at === -1 ? target : `${target.slice(0, at)}?${namesOf(target.slice(at + 1))}`;
  return shown.length > loggedLength ? `${shown.slice(0, loggedLength)}…` : shown;
}

function namesOf(query: string): string {
  return query
    .split('&')
    .map((pair) => pair.split('=', 1)[0])
    .join('&');
}

const requestIdForm = /^[\x21-\x7e]{1,128}$/;

/** The client's own `X-Request-Id` where it is a plain word, so that its logs and ours can be laid side by side. */
export function requestId(request: IncomingMessage, make: () => string): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && requestIdForm.test(given) ? given : make();
}

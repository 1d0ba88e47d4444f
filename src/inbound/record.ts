import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { Exchange } from '../exchange.ts';
import { peerAddress } from '../peer.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { errorCode } from '../upstream/failure.ts';

/**
 * Step 10: one line for each request, once its connection is done with it: answered, broken off, or left by the client (499).
 * Of the query only the names are written, since values may be secrets.
 */
export function record(log: Logger): (exchange: Exchange) => void {
  return (exchange) => {
    exchange.response.once('close', () => {
      const { request, response, problem } = exchange;
      const status = isAnswered(exchange) ? response.statusCode : brokenStatus(exchange);
      const total = performance.now() - exchange.startedAt;
      const line = {
        requestId: exchange.id,
        ...(exchange.client !== undefined && { client: exchange.client.client.name }),
        method: exchange.method,
        path: loggable(exchange.target),
        status,
        peer: peerAddress(request.socket) ?? 'unix',
        ms: round(total),
        ...(exchange.answeredAt > 0 && { maasMs: round(exchange.answeredAt - exchange.sentAt) }),
        ...(exchange.attempts > 1 && { attempts: exchange.attempts }),
        ...(problem === undefined ? status === 499 && { code: 'client-gone' } : reason(problem)),
      };
      if (status >= 500) log.error(line, 'request');
      else log.info(line, 'request');
    });
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

function reason({ code, cause }: Problem): { code: ProblemCode; cause?: string } {
  if (!(cause instanceof Error)) return { code };
  const known = errorCode(cause);
  return { code, cause: known === '' || cause.message.includes(known) ? cause.message : `${known}: ${cause.message}` };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** The target without the values of its query. */
function loggable(target: string): string {
  const at = target.indexOf('?');
  if (at === -1) return target;
  const names = target
    .slice(at + 1)
    .split('&')
    .map((pair) => pair.split('=', 1)[0]);
  return `${target.slice(0, at)}?${names.join('&')}`;
}

const requestIdForm = /^[\x21-\x7e]{1,128}$/;

/** The client's own `X-Request-Id` where it is a plain word, so that its logs and ours can be laid side by side. */
export function requestId(request: IncomingMessage, make: () => string): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && requestIdForm.test(given) ? given : make();
}

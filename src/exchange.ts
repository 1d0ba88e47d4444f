import type { IncomingMessage, ServerResponse } from 'node:http';
import { peerAddress } from './http/peer.ts';
import { unidentified, type ClientIdentity } from './clients/identity.ts';
import type { MaasAddress } from './maas/maas-address.ts';
import type { Operation } from './maas/operations/operation.ts';
import type { Problem } from './problem.ts';

/** One request as it arrived, and the response to it. */
export interface Exchange {
  /** The client's `X-Request-Id`, or one made here. */
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** The request target as it came, undecoded. */
  readonly target: string;
  /** The client's address; `undefined` on a unix socket. */
  readonly peer: string | undefined;
  /** `performance.now()` when the request's headers had been read, ms. */
  readonly startedAt: number;
  /** The state of the connection after the response. */
  readonly connection: ConnectionState;
  /** Written on the way, for the access log. */
  readonly trace: Trace;
  /** Whether the exchange has ended: the response has been sent, or never will be. */
  hasEnded(): boolean;
  /** Calls a listener when the exchange ends, in the order of registration; immediately if it has ended. */
  onEnd(listener: () => void): void;
  /** Ends the exchange of a request that never gets the connection: for the others, Node emits `close`. */
  end(): void;
}

/** The state of a connection after a response. */
export interface ConnectionState {
  /** The connection must not be used for another request after this response. */
  mustClose: boolean;
  /** The response has announced that the connection closes after it. */
  closeAnnounced: boolean;
  /** The response has been written completely, though the connection may wait for the rest of the request. */
  isResponseWritten: boolean;
}

/** What the chain to MAAS notes about a request. */
export interface UpstreamTrace {
  /** How long the request waited in the queue in front of MAAS, ms. */
  queuedMs: number;
  /** The response came from another client's request that was in flight (`collapsed`), or from the cache (`hit`). */
  reuse: 'collapsed' | 'hit' | undefined;
  /** Which of several region controllers responded; `undefined` if there is only one. */
  region: MaasAddress | undefined;
  /** How many times the request was sent to MAAS. */
  attempts: number;
}

/** What the steps note about a request: no step reads it, only the access log. */
export interface Trace extends UpstreamTrace {
  /** Whether it is for the page, at one of the proxy's own addresses. */
  isOwnAddress: boolean;
  identity: ClientIdentity;
  operation: Operation | undefined;
  /** The policy rule that decided, if there was one. */
  rule: string | undefined;
  /** `performance.now()` when the request was first sent to MAAS, ms; 0 before. */
  sentAt: number;
  /** `performance.now()` when MAAS's response began, ms; 0 before. */
  responseStartedAt: number;
  /** How many bytes of the response's body were written to the client. */
  bytesOut: number;
  /** Why the proxy responds itself, or why the transfer broke. */
  problem: Problem | undefined;
}

/**
 * Begins an exchange.
 *
 * @param id its id in logs, at MAAS, and in the response
 * @param target as it came
 */
export function beginExchange(
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): Exchange {
  const listeners: (() => void)[] = [];
  let hasEnded = false;
  function end(): void {
    if (hasEnded) return;
    hasEnded = true;
    for (const listener of listeners) listener();
    // Their closures would hold the exchange's data in memory.
    listeners.length = 0;
  }
  response.once('close', end);
  return {
    id,
    request,
    response,
    method: request.method ?? 'GET',
    target,
    peer: peerAddress(request.socket),
    startedAt: performance.now(),
    connection: { mustClose: false, closeAnnounced: false, isResponseWritten: false },
    trace: {
      isOwnAddress: false,
      identity: unidentified,
      operation: undefined,
      rule: undefined,
      queuedMs: 0,
      reuse: undefined,
      region: undefined,
      attempts: 0,
      sentAt: 0,
      responseStartedAt: 0,
      bytesOut: 0,
      problem: undefined,
    },
    // Not a getter: V8 creates a hidden class for each object with a getter, in its old generation (a third of a
    // request's CPU).
    hasEnded: () => hasEnded || response.closed || response.destroyed,
    onEnd(listener) {
      if (hasEnded) listener();
      else listeners.push(listener);
    },
    end,
  };
}

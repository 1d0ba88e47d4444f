import type { IncomingMessage, ServerResponse } from 'node:http';
import { peerAddress } from './http/peer.ts';
import { unidentified, type ClientIdentity } from './clients/identity.ts';
import type { ApiPath } from './maas/api-path.ts';
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
  /** The request target as it came, before anything was decoded. */
  readonly target: string;
  /** The address that it came from; `undefined` on a unix socket. */
  readonly peer: string | undefined;
  /** `performance.now()` when the request's head was read, ms. */
  readonly startedAt: number;
  /** What becomes of the connection behind the response. */
  readonly connection: ConnectionState;
  /** What is only written on the way, for the access log. */
  readonly trace: Trace;
  /** Whether the exchange has ended: the response has been sent, or never will be. */
  hasEnded(): boolean;
  /** Has a listener called when the exchange ends, in the order in which they came; at once where it has ended. */
  onEnd(listener: () => void): void;
  /** Ends the exchange of a request that never gets the connection: Node tells the end of the others. */
  end(): void;
}

/** What becomes of a connection behind a response. */
export interface ConnectionState {
  /** It must not carry another request after this response. */
  mustClose: boolean;
  /** The response has told the client that the connection closes behind it. */
  closeAnnounced: boolean;
  /** The response has been written to its end, though the connection may wait for the rest of the request. */
  isResponseWritten: boolean;
}

/** What the chain to MAAS notes of a request. */
export interface UpstreamTrace {
  /** How long the request waited in the queue in front of MAAS, ms. */
  queuedMs: number;
  /** The response came from another client's request that was in flight (`collapsed`), or from the cache (`hit`). */
  reuse: 'collapsed' | 'hit' | undefined;
  /** Which of several region controllers has responded; `undefined` where there is one. */
  region: MaasAddress | undefined;
  /** How often the request was sent to MAAS. */
  attempts: number;
}

/** What the steps note of a request: nothing on its way reads it, but the access log. */
export interface Trace extends UpstreamTrace {
  apiPath: ApiPath | undefined;
  /** It is for the page, at one of the proxy's own addresses. */
  isOwnAddress: boolean;
  identity: ClientIdentity;
  operation: Operation | undefined;
  /** The rule of the policy that decided, where there was one. */
  rule: string | undefined;
  /** `performance.now()` when the request went to MAAS for the first time, ms; 0 before. */
  sentAt: number;
  /** `performance.now()` when MAAS's response began, ms; 0 before. */
  responseStartedAt: number;
  /** How much of a response's body was written to the client, bytes. */
  bytesOut: number;
  /** Why the proxy responds by itself, or why the transfer broke. */
  problem: Problem | undefined;
}

/**
 * Begins an exchange.
 *
 * @param id what it is called in logs, at MAAS, and in the response
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
    // They hold what the exchange has held.
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
      apiPath: undefined,
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
    // No getter: V8 makes a hidden class of its own for each object with one, in its old generation (a third of a request's CPU).
    hasEnded: () => hasEnded || response.closed || response.destroyed,
    onEnd(listener) {
      if (hasEnded) listener();
      else listeners.push(listener);
    },
    end,
  };
}

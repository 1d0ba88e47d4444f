import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ActiveClient } from './clients/registry.ts';
import type { ApiPath } from './maas/api-path.ts';
import type { MaasAddress } from './maas/maas-address.ts';
import type { Operation } from './maas/operations/operation.ts';
import type { OperationClass } from './policy/operation-class.ts';
import type { Problem } from './problem.ts';

/** One request on its way through the proxy, and what has been learnt about it so far. */
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
  /** Set by the address step. */
  apiPath: ApiPath | undefined;
  /** Set by the client step, in a gateway. */
  client: ActiveClient | undefined;
  /** A gateway lets it pass without a key; set by the client step. */
  isAnonymous: boolean;
  /** It goes to MAAS without a signature, so that nobody's rights come of it. */
  isUnsigned: boolean;
  /** Set by the operation step. */
  operation: Operation | undefined;
  /** The rule that decided about it, where there was one. */
  rule: string | undefined;
  /** What kind of request it is; set by the first who asks. */
  operationClass: OperationClass | undefined;
  /** The body where the proxy has read it, or made it anew, in one piece or several; otherwise it streams. */
  body: readonly Buffer[] | undefined;
  /** The body's type where it is no longer the client's. */
  contentType: string | undefined;
  /** The answer has told the client that the connection ends with it. */
  closes: boolean;
  /** The answer has been written whole, though the connection may wait for the rest of the request. */
  isWritten: boolean;
  /** The connection must not carry another request after this answer. */
  mustClose: boolean;
  /** How long the request waited in the proxy's line for a place at MAAS, ms. */
  waitedMs: number;
  /** The answer came from another client's request that was under way (`collapsed`), or from memory (`hit`). */
  reuse: 'collapsed' | 'hit' | undefined;
  /** Which of several region controllers has answered; `undefined` where there is one. */
  region: MaasAddress | undefined;
  /** How often the request was sent to MAAS. */
  attempts: number;
  /** `performance.now()` when the request went to MAAS for the first time, ms; 0 before. */
  sentAt: number;
  /** `performance.now()` when MAAS's answer began, ms; 0 before. */
  answeredAt: number;
  /** How much of an answer's body was written to the client, bytes. */
  bytesOut: number;
  /** Why the proxy answers by itself, or why the transfer broke. */
  problem: Problem | undefined;
}

/** A step on the way of a request: it returns, or throws the `Problem` that ends the way. */
export type Step = (exchange: Exchange) => void | Promise<void>;

declare module 'fastify' {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

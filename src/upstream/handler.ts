import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { UpstreamTrace } from '../exchange.ts';
import type { Fields } from '../http/fields.ts';
import type { Operation } from '../maas/operations/operation.ts';
import type { Signer } from '../maas/signature.ts';
import type { OperationClass } from '../policy/operation-class.ts';

/** A request to MAAS on its way down the chain. */
export interface UpstreamRequest {
  readonly origin: string;
  /** The path from MAAS's root, and the query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Fields;
  readonly body: Buffer | Readable | null;
  /** The key that signs the request: a client's own, the shared one, or none, so that the request carries no rights. */
  readonly signedBy: Signer | 'shared' | 'nobody';
  /** The client's request behind it; `undefined` for the proxy's own requests. */
  readonly call?: ClientCall | undefined;
}

/** What the chain needs to know of a client's request. */
export interface ClientCall {
  /** The fairness key: slots and memory are divided fairly between fairness keys. */
  readonly fairnessKey: string;
  readonly operation: Operation;
  readonly operationClass: OperationClass;
  /** Whether more of a streamed body is still to come from the client. */
  isBodyArriving(): boolean;
  /** How many bytes of a streamed body have arrived; `undefined` if nothing more is expected from the client. */
  arrivedBytes(): number | undefined;
  /** Written by the chain, for the access log and the response. */
  readonly trace: UpstreamTrace;
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: Fields;
}

/** Pauses, resumes or aborts a request: undici's controller. */
export type Controller = Pick<Dispatcher.DispatchController, 'pause' | 'resume' | 'abort' | 'paused'>;

/**
 * The methods that an interceptor calls on its handler. They are undici's, with header fields in this project's form,
 * and one more.
 */
export interface UpstreamHandler {
  /**
   * The request waits, and nothing of it is in flight; aborting ends the wait. Otherwise `onRequestStart` follows.
   *
   * @param alsoWaitFor queues the request under a further fairness key
   */
  onQueued?(controller: Controller, alsoWaitFor?: (fairnessKey: string) => void): void;
  /** The request is sent. Called again for each further attempt; the last controller counts. */
  onRequestStart(controller: Controller): void;
  /** The head of an interim response (1xx) or of the response has come. */
  onResponseStart(controller: Controller, head: ResponseHead): void;
  onResponseData(controller: Controller, chunk: Buffer): void;
  onResponseEnd(controller: Controller): void;
  /** There is no response, or it broke off. No other method is called after this one. */
  onResponseError(error: Error): void;
}

/** Sends a request, and calls its handler. */
export type UpstreamDispatch = (request: UpstreamRequest, handler: UpstreamHandler) => void;

/** One step of the chain, as undici calls it. */
export type Interceptor = (dispatch: UpstreamDispatch) => UpstreamDispatch;

/** A handler that forwards every call. An interceptor's handler overrides the methods that it needs. */
export class ForwardingHandler implements UpstreamHandler {
  protected readonly next: UpstreamHandler;

  constructor(next: UpstreamHandler) {
    this.next = next;
  }

  onQueued(controller: Controller, alsoWaitFor?: (fairnessKey: string) => void): void {
    this.next.onQueued?.(controller, alsoWaitFor);
  }

  onRequestStart(controller: Controller): void {
    this.next.onRequestStart(controller);
  }

  onResponseStart(controller: Controller, head: ResponseHead): void {
    this.next.onResponseStart(controller, head);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.next.onResponseData(controller, chunk);
  }

  onResponseEnd(controller: Controller): void {
    this.next.onResponseEnd(controller);
  }

  onResponseError(error: Error): void {
    this.next.onResponseError(error);
  }
}

/** Whether a request can be sent again: it has no body, a buffered one, or a stream that was not read yet. */
export function isReplayable({ body }: UpstreamRequest): boolean {
  if (body === null || Buffer.isBuffer(body)) return true;
  return !body.readableDidRead && !body.destroyed;
}

/** The signer of a request; `undefined` if it is sent unsigned. @param shared the shared key's */
export function signerOf({ signedBy }: UpstreamRequest, shared: () => Signer): Signer | undefined {
  if (signedBy === 'nobody') return undefined;
  return signedBy === 'shared' ? shared() : signedBy;
}

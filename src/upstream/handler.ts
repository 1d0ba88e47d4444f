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
  /** Path from MAAS's root, and query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Fields;
  readonly body: Buffer | Readable | null;
  /** The key that signs the request: a client's own, the shared one, or none, so that the request carries no rights. */
  readonly signedBy: Signer | 'shared' | 'nobody';
  /** The client's request that this is made for; `undefined` for the proxy's own requests. */
  readonly call?: ClientCall | undefined;
}

/** What the chain needs to know of a client's request. */
export interface ClientCall {
  /** The fairness key: slots and memory are divided fairly between these. */
  readonly fairnessKey: string;
  readonly operation: Operation;
  readonly operationClass: OperationClass;
  /** Whether more of a streamed body is to come from the client. */
  isBodyArriving(): boolean;
  /** How much of a streamed body has come, bytes; `undefined` while nothing of it is awaited from the client. */
  arrivedBytes(): number | undefined;
  /** Written by the chain, for access log and response. */
  readonly trace: UpstreamTrace;
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: Fields;
}

/** Stops and goes on with a response, or ends its request: undici's controller. */
export type Controller = Pick<Dispatcher.DispatchController, 'pause' | 'resume' | 'abort' | 'paused'>;

/**
 * What an interceptor calls on the one above it. These are undici's methods of the same names, with the header fields in the
 * project's one form, and one method of ours.
 */
export interface UpstreamHandler {
  /**
   * The request waits, and nothing of it is in flight; aborting ends the wait. `onRequestStart` follows where it does not end so.
   *
   * @param alsoWaitFor has the request wait in a further client's queue too
   */
  onQueued?(controller: Controller, alsoWaitFor?: (fairnessKey: string) => void): void;
  /** The request is sent. Called again for each further attempt; the last controller holds. */
  onRequestStart(controller: Controller): void;
  /** The head of an interim response (1xx) or of the response has come. */
  onResponseStart(controller: Controller, head: ResponseHead): void;
  onResponseData(controller: Controller, chunk: Buffer): void;
  onResponseEnd(controller: Controller): void;
  /** There is no response, or it broke off. No other method is called behind this one. */
  onResponseError(error: Error): void;
}

/** Sends a request, and calls its handler. */
export type UpstreamDispatch = (request: UpstreamRequest, handler: UpstreamHandler) => void;

/** One step of the chain, as undici calls it. */
export type Interceptor = (dispatch: UpstreamDispatch) => UpstreamDispatch;

/** A handler that passes everything on to the one above it. An interceptor's handler extends it by what it wants to see. */
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

/** Whether a request can be sent again: it has no body, one in memory, or one of which nothing was read yet. */
export function isReplayable({ body }: UpstreamRequest): boolean {
  if (body === null || Buffer.isBuffer(body)) return true;
  return !body.readableDidRead && !body.destroyed;
}

/** The signer of a request, `undefined` where it goes to MAAS without a signature. @param shared the shared key's */
export function signerOf({ signedBy }: UpstreamRequest, shared: () => Signer): Signer | undefined {
  if (signedBy === 'nobody') return undefined;
  return signedBy === 'shared' ? shared() : signedBy;
}

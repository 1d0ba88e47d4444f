import { Readable } from 'node:stream';
import { groupOf, isLongRunning } from '../../maas/operations/long-operations.ts';
import { Problem } from '../../problem.ts';
import { abortable } from '../abortable.ts';
import {
  ForwardingHandler,
  type ClientCall,
  type Controller,
  type Interceptor,
  type ResponseHead,
  type UpstreamDispatch,
  type UpstreamHandler,
  type UpstreamRequest,
} from '../handler.ts';
import type { Waiter, ConcurrencyLimiter, Slot } from './concurrency-limiter.ts';
import { createSlowOperations, type SlowOperations } from './slow-operations.ts';

/** `Retry-After` when the queue is full, s: MAAS itself says the same. */
const retryAfter = 5;

/**
 * Queues requests, so that MAAS never gets more than it has workers for. An attempt holds its slot until its response
 * is complete or has failed; while a retry waits, it holds none. The proxy's own requests (is MAAS there?) bypass the
 * queue: there is one short request at a time, and it must work under a flood of requests.
 */
export function queue(limiter: ConcurrencyLimiter): Interceptor {
  const slowOperations = createSlowOperations();
  return (dispatch) => (request, handler) => {
    const { call } = request;
    if (call === undefined) dispatch(request, handler);
    else new Queued(handler, dispatch, request, call, limiter, slowOperations).begin();
  };
}

class Queued extends ForwardingHandler implements Waiter {
  readonly client: string;
  readonly isLong: boolean;
  readonly #group: string;
  readonly #dispatch: UpstreamDispatch;
  readonly #request: UpstreamRequest;
  readonly #call: ClientCall;
  readonly #limiter: ConcurrencyLimiter;
  readonly #slowOperations: SlowOperations;
  #slot: Slot | undefined;
  /** `performance.now()` when it was queued, ms; `undefined` if it got a slot immediately. */
  #waitsSince: number | undefined;

  constructor(
    next: UpstreamHandler,
    dispatch: UpstreamDispatch,
    request: UpstreamRequest,
    call: ClientCall,
    limiter: ConcurrencyLimiter,
    slowOperations: SlowOperations,
  ) {
    super(next);
    const { operation } = call;
    this.client = call.fairnessKey;
    this.#group = groupOf(operation);
    this.isLong = isLongRunning(operation) || slowOperations.isSlow(this.#group);
    this.#dispatch = dispatch;
    this.#request = request;
    this.#call = call;
    this.#limiter = limiter;
    this.#slowOperations = slowOperations;
  }

  begin(): void {
    const slot = this.#limiter.acquire(this);
    if (slot.state !== 'waiting') return;
    this.#slot = slot;
    this.#waitsSince = slot.since;
    this.onQueued(
      abortable((error) => {
        if (slot.state !== 'waiting') return;
        this.#release();
        this.#fail(error);
      }),
      (client) => this.#limiter.alsoWaitFor(slot, client),
    );
  }

  onAcquired(slot: Slot): void {
    this.#slot = slot;
    this.#endWait();
    try {
      this.#dispatch(this.#request, this);
    } catch (error) {
      this.onResponseError(error as Error);
    }
  }

  onRejected(why: 'full' | 'waited'): void {
    const sentence =
      why === 'full'
        ? 'Too many requests already wait for MAAS; send this one again in a while.'
        : 'MAAS was busy with the requests of others for a whole minute; send this one again in a while.';
    this.#fail(new Problem('maas-busy', `${sentence} It has not been sent to MAAS.`, { retryAfter }));
  }

  arrived(): number | undefined {
    return this.#call.arrivedBytes();
  }

  isArriving(): boolean {
    return this.#call.isBodyArriving();
  }

  stall(): void {
    const { body } = this.#request;
    const sentence =
      'The body came at less than 1 KiB a second while others waited for MAAS; send the request again when it can be sent faster.';
    if (body instanceof Readable) body.destroy(new Problem('request-timeout', sentence));
  }

  override onResponseStart(controller: Controller, head: ResponseHead): void {
    if (head.status >= 200 && this.#slot !== undefined) {
      this.#slot.responseStartedAt = performance.now();
      this.#slowOperations.note(this.#group, this.#slot.responseStartedAt - this.#slot.since);
    }
    super.onResponseStart(controller, head);
  }

  // The client's response ends before the next request gets the slot.
  override onResponseEnd(controller: Controller): void {
    try {
      super.onResponseEnd(controller);
    } finally {
      this.#release();
    }
  }

  override onResponseError(error: Error): void {
    try {
      super.onResponseError(error);
    } finally {
      this.#release();
    }
  }

  /** Ends the request without MAAS: its body will not be read. */
  #fail(error: Error): void {
    this.#endWait();
    const { body } = this.#request;
    if (body instanceof Readable) body.destroy();
    super.onResponseError(error);
  }

  #endWait(): void {
    if (this.#waitsSince === undefined) return;
    this.#call.trace.queuedMs += performance.now() - this.#waitsSince;
    this.#waitsSince = undefined;
  }

  #release(): void {
    if (this.#slot !== undefined) this.#limiter.release(this.#slot);
  }
}

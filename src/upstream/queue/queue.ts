import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { isArriving, receivedBytes } from '../../http/request-body.ts';
import type { Exchange } from '../../exchange.ts';
import { groupOf, isLongRunning } from '../../maas/operations/long-operations.ts';
import { Problem } from '../../problem.ts';
import { fairnessKey } from '../../limits/fairness-key.ts';
import { ForwardingHandler, type UpstreamRequest } from '../forwarding-handler.ts';
import type { Waiter, ConcurrencyLimiter, Slot } from './concurrency-limiter.ts';
import { createSlowOperations, type SlowOperations } from './slow-operations.ts';

/** After how many seconds a client that was sent away should come again: what MAAS itself says. */
const retryAfter = 5;

/**
 * Has requests wait in line, so that MAAS never gets more than it has workers for. An attempt holds its place until its
 * answer is complete or has failed; while a retry above waits for its time, it holds none. What the proxy asks on its own
 * account (is MAAS there?) passes by the line: it is one short question at a time, and must be answered during a flood.
 */
export function queue(limiter: ConcurrencyLimiter): Dispatcher.DispatcherComposeInterceptor {
  const slowOperations = createSlowOperations();
  return (dispatch) => (options, handler) => {
    const { exchange } = options as UpstreamRequest;
    if (exchange === undefined) return dispatch(options, handler);
    new Queued(handler, dispatch, options, exchange, limiter, slowOperations).begin();
    return true;
  };
}

class Queued extends ForwardingHandler implements Waiter {
  readonly client: string;
  readonly isLong: boolean;
  readonly #group: string;
  readonly #dispatch: Dispatcher['dispatch'];
  readonly #options: Dispatcher.DispatchOptions;
  readonly #exchange: Exchange;
  readonly #limiter: ConcurrencyLimiter;
  readonly #slowOperations: SlowOperations;
  #slot: Slot | undefined;
  /** `performance.now()` when it got in line, ms; `undefined` where it got a place at once. */
  #waitsSince: number | undefined;

  constructor(
    next: Dispatcher.DispatchHandler,
    dispatch: Dispatcher['dispatch'],
    options: Dispatcher.DispatchOptions,
    exchange: Exchange,
    limiter: ConcurrencyLimiter,
    slowOperations: SlowOperations,
  ) {
    super(next);
    const { operation } = exchange;
    this.client = fairnessKey(exchange);
    this.#group = operation === undefined ? '' : groupOf(operation);
    this.isLong = operation === undefined || isLongRunning(operation) || slowOperations.isSlow(this.#group);
    this.#dispatch = dispatch;
    this.#options = options;
    this.#exchange = exchange;
    this.#limiter = limiter;
    this.#slowOperations = slowOperations;
  }

  begin(): void {
    const slot = this.#limiter.acquire(this);
    if (slot.state !== 'waiting') return;
    this.#slot = slot;
    this.#waitsSince = slot.since;
    this.onWait(
      (error) => {
        if (slot.state !== 'waiting') return;
        this.#release();
        this.#fail(error ?? new Error('the client went away'));
      },
      (client) => this.#limiter.alsoWaitFor(slot, client),
    );
  }

  onAcquired(slot: Slot): void {
    this.#slot = slot;
    this.#endWait();
    try {
      this.#dispatch(this.#options, this);
    } catch (error) {
      this.onError(error as Error);
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
    const { body, request } = this.#exchange;
    // A body that nobody reads just now waits for MAAS, not for its client.
    const isAwaited = body === undefined && isArriving(request) && request.readableFlowing === true;
    return isAwaited ? receivedBytes(request) : undefined;
  }

  stall(): void {
    const { body } = this.#options;
    const sentence =
      'The body came at less than 1 KiB a second while others waited for MAAS; send the request again when it can be sent faster.';
    if (body instanceof Readable) body.destroy(new Problem('request-timeout', sentence));
  }

  override onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (status >= 200 && this.#slot !== undefined) {
      this.#slot.responseStartedAt = performance.now();
      this.#slowOperations.note(this.#group, this.#slot.responseStartedAt - this.#slot.since);
    }
    return super.onHeaders(status, rawHeaders, resume, statusText);
  }

  // The client gets its end before the next one gets the place.
  override onComplete(trailers: string[] | null): void {
    try {
      super.onComplete(trailers);
    } finally {
      this.#release();
    }
  }

  override onError(error: Error): void {
    try {
      super.onError(error);
    } finally {
      this.#release();
    }
  }

  /** Ends the request without MAAS: nobody will read its body. */
  #fail(error: Error): void {
    this.#endWait();
    const { body } = this.#options;
    if (body instanceof Readable) body.destroy();
    super.onError(error);
  }

  #endWait(): void {
    if (this.#waitsSince === undefined) return;
    this.#exchange.waitedMs += performance.now() - this.#waitsSince;
    this.#waitsSince = undefined;
  }

  #release(): void {
    if (this.#slot !== undefined) this.#limiter.release(this.#slot);
  }
}

import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { isArriving, receivedBytes } from '../client-body.ts';
import type { Exchange } from '../exchange.ts';
import { groupOf, mayTakeLong } from '../maas/pace.ts';
import { Problem } from '../problem.ts';
import { whose } from '../whose.ts';
import { Attempt, type Sending } from './attempt.ts';
import type { Guest, Places, Seat } from './places.ts';
import { createSlowness, type Slowness } from './slowness.ts';

/** After how many seconds a client that was sent away should come again: what MAAS itself says. */
const retryAfter = 5;

/**
 * Has requests wait in line, so that MAAS never gets more than it has workers for. An attempt holds its place until its
 * answer is complete or has failed; while a retry above waits for its time, it holds none. What the proxy asks on its own
 * account (is MAAS there?) passes by the line: it is one short question at a time, and must be answered during a flood.
 */
export function queue(places: Places): Dispatcher.DispatcherComposeInterceptor {
  const slowness = createSlowness();
  return (dispatch) => (options, handler) => {
    const { exchange } = options as Sending;
    if (exchange === undefined) return dispatch(options, handler);
    new Queued(handler, dispatch, options, exchange, places, slowness).enter();
    return true;
  };
}

class Queued extends Attempt implements Guest {
  readonly client: string;
  readonly isLong: boolean;
  readonly #group: string;
  readonly #dispatch: Dispatcher['dispatch'];
  readonly #options: Dispatcher.DispatchOptions;
  readonly #exchange: Exchange;
  readonly #places: Places;
  readonly #slowness: Slowness;
  #seat: Seat | undefined;
  /** `performance.now()` when it got in line, ms; `undefined` where it got a place at once. */
  #waitsSince: number | undefined;

  constructor(
    next: Dispatcher.DispatchHandler,
    dispatch: Dispatcher['dispatch'],
    options: Dispatcher.DispatchOptions,
    exchange: Exchange,
    places: Places,
    slowness: Slowness,
  ) {
    super(next);
    const { operation } = exchange;
    this.client = whose(exchange);
    this.#group = operation === undefined ? '' : groupOf(operation);
    this.isLong = operation === undefined || mayTakeLong(operation) || slowness.isSlow(this.#group);
    this.#dispatch = dispatch;
    this.#options = options;
    this.#exchange = exchange;
    this.#places = places;
    this.#slowness = slowness;
  }

  enter(): void {
    const seat = this.#places.enter(this);
    if (seat.state !== 'waiting') return;
    this.#seat = seat;
    this.#waitsSince = seat.since;
    this.onWait(
      (error) => {
        if (seat.state !== 'waiting') return;
        this.#leave();
        this.#fail(error ?? new Error('the client went away'));
      },
      (client) => this.#places.waitFor(seat, client),
    );
  }

  start(seat: Seat): void {
    this.#seat = seat;
    this.#endWait();
    try {
      this.#dispatch(this.#options, this);
    } catch (error) {
      this.onError(error as Error);
    }
  }

  refuse(why: 'full' | 'waited'): void {
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
    if (status >= 200 && this.#seat !== undefined) {
      this.#seat.answeredAt = performance.now();
      this.#slowness.note(this.#group, this.#seat.answeredAt - this.#seat.since);
    }
    return super.onHeaders(status, rawHeaders, resume, statusText);
  }

  // The client gets its end before the next one gets the place.
  override onComplete(trailers: string[] | null): void {
    try {
      super.onComplete(trailers);
    } finally {
      this.#leave();
    }
  }

  override onError(error: Error): void {
    try {
      super.onError(error);
    } finally {
      this.#leave();
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

  #leave(): void {
    if (this.#seat !== undefined) this.#places.leave(this.#seat);
  }
}

import { createHash, type Hash } from 'node:crypto';
import { fieldOf, type Fields } from '../../http/fields.ts';
import type { Controller, ResponseHead, UpstreamDispatch, UpstreamHandler, UpstreamRequest } from '../handler.ts';
import { replay, type BufferedResponse } from './buffered-response.ts';
import { isShareable } from './cache-key.ts';
import { unlessMatched, withEtag, withoutCondition } from './etag.ts';

/** The largest response that is shared, bytes: the machines of a large MAAS (3,500 of them). */
const maxSharedBytes = 16 * 1024 * 1024;

/** The memory of buffered responses, counted for all shared requests together. */
export interface HeldBytes {
  bytes: number;
  /** The bound, bytes. */
  readonly maxBytes: number;
}

/** A client that waits for the response. */
export interface Subscriber {
  readonly request: UpstreamRequest;
  /** The entity tags of responses that the client has already. */
  readonly ifNoneMatch: string | undefined;
  readonly handler: UpstreamHandler;
}

/** The options of shared requests. */
export interface SharedRequestContext {
  /** Sends a request to MAAS. */
  readonly dispatch: UpstreamDispatch;
  readonly held: HeldBytes;
  /** Called when no more clients can subscribe. */
  onClosed(request: SharedRequest): void;
  /** Called with each buffered response; `undefined` if nothing is cached. */
  readonly onBuffered: ((request: SharedRequest, response: BufferedResponse) => void) | undefined;
}

/**
 * One read in flight to MAAS, and its subscribers. Clients can subscribe until the response begins.
 *
 * A single subscriber gets the response as it comes. For several, and to be stored, the response is buffered first:
 * slow clients hold up no others, a response that breaks off is an error for all and a broken transfer for none, and
 * there is one copy of it in memory. If the response is too large for that, or not shareable, the first subscriber gets
 * it, and the others send requests of their own.
 *
 * All subscribers are equal: a client that disconnects is removed, also the first one, and the request ends when no
 * subscriber is left.
 */
export class SharedRequest implements UpstreamHandler {
  readonly cacheKey: string;
  /** The write epoch when it began. */
  readonly epochAtStart: number;
  /** `performance.now()` then, ms. */
  readonly requestedAt = performance.now();
  readonly #context: SharedRequestContext;
  readonly #first: Subscription;
  #subscriptions: Subscription[] = [];
  #controller: Controller | undefined;
  #waitFor: ((fairnessKey: string) => void) | undefined;
  #head: ResponseHead | undefined;
  /** The one subscriber to which the response is streamed. */
  #streamed: Subscription | undefined;
  /** The body so far, while it is buffered. */
  #collected: Buffer[] | undefined;
  #size = 0;
  /** Becomes its `ETag`, if it may be stored. */
  #hash: Hash | undefined;

  constructor(context: SharedRequestContext, cacheKey: string, epochAtStart: number, first: Subscriber) {
    this.#context = context;
    this.cacheKey = cacheKey;
    this.epochAtStart = epochAtStart;
    this.#first = new Subscription(first, (subscription, error) => this.#unsubscribe(subscription, error));
  }

  /** Sends the request of the first subscriber. */
  begin(): void {
    this.#add(this.#first);
    const { request, ifNoneMatch } = this.#first.subscriber;
    if (this.#subscriptions.length === 0) return;
    this.#context.dispatch(ifNoneMatch === undefined ? request : withoutCondition(request), this);
  }

  subscribe(subscriber: Subscriber): void {
    this.#add(new Subscription(subscriber, (subscription, error) => this.#unsubscribe(subscription, error)));
  }

  #add(subscription: Subscription): void {
    this.#subscriptions.push(subscription);
    subscription.handler.onRequestStart(subscription);
    this.#alsoWaitFor(subscription);
  }

  onQueued(controller: Controller, alsoWaitFor?: (fairnessKey: string) => void): void {
    this.onRequestStart(controller);
    this.#waitFor = alsoWaitFor;
    for (const subscription of this.#subscriptions) this.#alsoWaitFor(subscription);
  }

  onRequestStart(controller: Controller): void {
    this.#waitFor = undefined;
    this.#controller = controller;
    if (this.#subscriptions.length === 0) controller.abort(nobodyIsLeft());
  }

  onResponseStart(_controller: Controller, head: ResponseHead): void {
    const { status, fields } = head;
    if (status < 200) {
      if (this.#subscriptions[0] !== this.#first) return;
      this.#first.handler.onResponseStart(this.#first, head);
      return;
    }
    this.#context.onClosed(this);
    this.#head = head;
    const isStored = this.#context.onBuffered !== undefined && status === 200;
    const isForSeveral = this.#subscriptions.length > 1 || isStored;
    if (!isForSeveral || !isShareable(fields) || !this.#fits(announcedLength(fields))) {
      this.#streamToFirst();
      return;
    }
    this.#collected = [];
    if (isStored) this.#hash = createHash('sha256');
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.#collected === undefined) {
      this.#passToStreamed(chunk);
      return;
    }
    this.#collected.push(chunk);
    if (this.#fits(chunk.length)) {
      this.#hash?.update(chunk);
      this.#size += chunk.length;
      this.#context.held.bytes += chunk.length;
      return;
    }
    const begun = Buffer.concat(this.#collected);
    this.#releaseHeld();
    this.#streamToFirst();
    this.#passToStreamed(begun);
  }

  onResponseEnd(): void {
    const subscriptions = this.#subscriptions;
    this.#subscriptions = [];
    const streamed = this.#streamed;
    if (this.#collected !== undefined)
      this.#respondToAll(subscriptions, this.#buffered(Buffer.concat(this.#collected)));
    else if (streamed !== undefined && subscriptions.includes(streamed)) {
      streamed.handler.onResponseEnd(streamed);
    }
  }

  onResponseError(error: Error): void {
    this.#context.onClosed(this);
    this.#releaseHeld();
    const subscriptions = this.#subscriptions;
    this.#subscriptions = [];
    for (const { handler } of subscriptions) handler.onResponseError(error);
  }

  #buffered(body: Buffer): BufferedResponse {
    const response: BufferedResponse = { ...(this.#head as ResponseHead), body, region: this.#region };
    if (this.#hash === undefined) return response;
    const tagged = withEtag(response, this.#hash);
    this.#context.onBuffered?.(this, tagged);
    return tagged;
  }

  #respondToAll(subscriptions: readonly Subscription[], response: BufferedResponse): void {
    let reading = subscriptions.length;
    for (const subscription of subscriptions) {
      const own = { ...response, fields: this.#fieldsFor(subscription, response.fields) };
      replay(unlessMatched(own, subscription.subscriber.ifNoneMatch), subscription.handler, () => {
        reading -= 1;
        if (reading === 0) this.#releaseHeld();
      });
    }
  }

  /** The response is streamed to the first remaining subscriber; the others send requests of their own. */
  #streamToFirst(): void {
    const head = this.#head as ResponseHead;
    const [subscription, ...others] = this.#subscriptions;
    if (subscription === undefined) return;
    this.#subscriptions = [subscription];
    this.#streamed = subscription;
    subscription.upstream = this.#controller;
    for (const { subscriber } of others) this.#context.dispatch(subscriber.request, subscriber.handler);
    const fields = this.#fieldsFor(subscription, head.fields);
    subscription.handler.onResponseStart(subscription, { ...head, fields });
  }

  #passToStreamed(chunk: Buffer): void {
    const streamed = this.#streamed;
    if (streamed === undefined || this.#subscriptions[0] !== streamed) return;
    streamed.handler.onResponseData(streamed, chunk);
  }

  /** All subscribers but the first get `Cache-Status: …; collapsed` (RFC 9211 §2). */
  #fieldsFor(subscription: Subscription, fields: Fields): Fields {
    if (subscription === this.#first) return fields;
    const { call } = subscription.subscriber.request;
    if (call !== undefined) {
      call.trace.reuse = 'collapsed';
      call.trace.region = this.#region;
    }
    return [...fields, 'Cache-Status', 'maas-auth-proxy; fwd=miss; collapsed'];
  }

  get #region(): BufferedResponse['region'] {
    return this.#first.subscriber.request.call?.trace.region;
  }

  /** The shared request is also queued under each subscriber's fairness key, so that a busy client delays no others. */
  #alsoWaitFor({ subscriber: { request } }: Subscription): void {
    if (request.call !== undefined) this.#waitFor?.(request.call.fairnessKey);
  }

  #unsubscribe(subscription: Subscription, error: Error): void {
    const at = this.#subscriptions.indexOf(subscription);
    if (at === -1) return;
    this.#subscriptions.splice(at, 1);
    if (this.#subscriptions.length === 0) {
      this.#context.onClosed(this);
      this.#releaseHeld();
      this.#controller?.abort(error);
    }
    subscription.handler.onResponseError(error);
  }

  #fits(bytes: number): boolean {
    const { held } = this.#context;
    return this.#size + bytes <= maxSharedBytes && held.bytes + bytes <= held.maxBytes;
  }

  #releaseHeld(): void {
    this.#context.held.bytes -= this.#size;
    this.#size = 0;
    this.#collected = undefined;
  }
}

/**
 * A subscriber's controller: it disconnects, and, if the response is streamed to the subscriber, pauses and resumes
 * MAAS.
 */
class Subscription implements Controller {
  readonly subscriber: Subscriber;
  readonly handler: UpstreamHandler;
  readonly #onAbort: (subscription: Subscription, error: Error) => void;
  /** The controller of the request to MAAS, if the response is streamed. */
  upstream: Controller | undefined;

  constructor(subscriber: Subscriber, onAbort: (subscription: Subscription, error: Error) => void) {
    this.subscriber = subscriber;
    this.handler = subscriber.handler;
    this.#onAbort = onAbort;
  }

  get paused(): boolean {
    return this.upstream?.paused ?? false;
  }

  pause(): void {
    this.upstream?.pause();
  }

  resume(): void {
    this.upstream?.resume();
  }

  abort(error: Error): void {
    this.#onAbort(this, error);
  }
}

/** The `Content-Length` of a response, bytes; 0 if it has none. */
function announcedLength(fields: Fields): number {
  const length = Number(fieldOf(fields, 'content-length') ?? 0);
  return Number.isNaN(length) ? 0 : length;
}

function nobodyIsLeft(): Error {
  return new Error('all clients have disconnected');
}

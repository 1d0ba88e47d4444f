import { createHash, type Hash } from 'node:crypto';
import { fieldOf, type Fields } from '../../http/fields.ts';
import type { Controller, ResponseHead, UpstreamDispatch, UpstreamHandler, UpstreamRequest } from '../handler.ts';
import { replay, type BufferedResponse } from './buffered-response.ts';
import { isShareable } from './cache-key.ts';
import { unlessMatched, withEtag, withoutCondition } from './etag.ts';

/** The largest answer that is given to several, bytes: the machines of a large MAAS (3,500 of them). */
const maxSharedBytes = 16 * 1024 * 1024;

/** Memory that answers are held in, counted for all flights together. */
export interface HeldBytes {
  bytes: number;
  /** How much there may be, bytes. */
  readonly room: number;
}

/** A client that waits for the response. */
export interface Subscriber {
  readonly request: UpstreamRequest;
  /** The response that the client has already. */
  readonly ifNoneMatch: string | undefined;
  readonly handler: UpstreamHandler;
}

/** What shared requests have in common. */
export interface SharedRequestContext {
  /** Sends a request to MAAS. */
  readonly dispatch: UpstreamDispatch;
  readonly held: HeldBytes;
  /** Told when nobody may join any more. */
  onClosed(request: SharedRequest): void;
  /** Told of each answer that was read whole; `undefined` where nothing is kept. */
  readonly onBuffered: ((request: SharedRequest, response: BufferedResponse) => void) | undefined;
}

/**
 * One read in flight to MAAS, and all who wait for its response. They can join until the response begins.
 *
 * A client that waits alone gets the response as it comes. For several, and to be stored, it is first buffered: so the slow ones
 * hold nobody up, a response that breaks off is an error for all of them and a broken transfer for none, and there is one
 * copy of it in memory. If it turns out too large for that, or is not shareable, the first client gets it and the others
 * send requests of their own.
 *
 * Nobody is more than a subscriber: whoever disconnects is taken off, also the first, and the request ends when nobody is left.
 */
export class SharedRequest implements UpstreamHandler {
  readonly cacheKey: string;
  /** The write epoch when it began. */
  readonly epochAtStart: number;
  /** `performance.now()` then, ms. */
  readonly askedAt = performance.now();
  readonly #context: SharedRequestContext;
  readonly #first: Subscriber;
  #subscribers: Subscriber[] = [];
  #controller: Controller | undefined;
  #waitFor: ((fairnessKey: string) => void) | undefined;
  #head: ResponseHead | undefined;
  /** The one subscriber that gets the response as it comes. */
  #streamed: Subscriber | undefined;
  /** The body so far, while it is buffered. */
  #collected: Buffer[] | undefined;
  #size = 0;
  /** Becomes its `ETag`, where it may be stored. */
  #hash: Hash | undefined;

  constructor(context: SharedRequestContext, cacheKey: string, epochAtStart: number, first: Subscriber) {
    this.#context = context;
    this.cacheKey = cacheKey;
    this.epochAtStart = epochAtStart;
    this.#first = first;
  }

  /** Sends the request of the first subscriber. */
  begin(): void {
    this.join(this.#first);
    const { request, ifNoneMatch } = this.#first;
    if (this.#subscribers.length === 0) return;
    this.#context.dispatch(ifNoneMatch === undefined ? request : withoutCondition(request), this);
  }

  join(subscriber: Subscriber): void {
    this.#subscribers.push(subscriber);
    subscriber.handler.onRequestStart(this.#controllerOf(subscriber));
    this.#alsoWaitFor(subscriber);
  }

  onQueued(controller: Controller, alsoWaitFor?: (fairnessKey: string) => void): void {
    this.onRequestStart(controller);
    this.#waitFor = alsoWaitFor;
    for (const subscriber of this.#subscribers) this.#alsoWaitFor(subscriber);
  }

  onRequestStart(controller: Controller): void {
    this.#waitFor = undefined;
    this.#controller = controller;
    if (this.#subscribers.length === 0) controller.abort(nobodyIsLeft());
  }

  onResponseStart(_controller: Controller, head: ResponseHead): void {
    const { status, fields } = head;
    if (status < 200) {
      if (this.#subscribers[0] !== this.#first) return;
      this.#first.handler.onResponseStart(this.#controllerOf(this.#first), head);
      return;
    }
    this.#context.onClosed(this);
    this.#head = head;
    const isStored = this.#context.onBuffered !== undefined && status === 200;
    const isForSeveral = this.#subscribers.length > 1 || isStored;
    if (!isForSeveral || !isShareable(fields) || !this.#hasRoom(announcedLength(fields))) {
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
    if (this.#hasRoom(chunk.length)) {
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
    const subscribers = this.#subscribers;
    this.#subscribers = [];
    const streamed = this.#streamed;
    if (this.#collected !== undefined) this.#respondToAll(subscribers, this.#buffered(Buffer.concat(this.#collected)));
    else if (streamed !== undefined && subscribers.includes(streamed)) {
      streamed.handler.onResponseEnd(this.#controllerOf(streamed));
    }
  }

  onResponseError(error: Error): void {
    this.#context.onClosed(this);
    this.#releaseHeld();
    const subscribers = this.#subscribers;
    this.#subscribers = [];
    for (const { handler } of subscribers) handler.onResponseError(error);
  }

  #buffered(body: Buffer): BufferedResponse {
    const response: BufferedResponse = { ...(this.#head as ResponseHead), body, region: this.#region };
    if (this.#hash === undefined) return response;
    const tagged = withEtag(response, this.#hash);
    this.#context.onBuffered?.(this, tagged);
    return tagged;
  }

  #respondToAll(subscribers: readonly Subscriber[], response: BufferedResponse): void {
    let reading = subscribers.length;
    for (const subscriber of subscribers) {
      const own = { ...response, fields: this.#fieldsFor(subscriber, response.fields) };
      replay(unlessMatched(own, subscriber.ifNoneMatch), subscriber.handler, () => {
        reading -= 1;
        if (reading === 0) this.#releaseHeld();
      });
    }
  }

  /** The first of those who are left gets the response as it comes; the others send requests of their own. */
  #streamToFirst(): void {
    const head = this.#head as ResponseHead;
    const [subscriber, ...others] = this.#subscribers;
    if (subscriber === undefined) return;
    this.#subscribers = [subscriber];
    this.#streamed = subscriber;
    for (const { request, handler } of others) this.#context.dispatch(request, handler);
    const fields = this.#fieldsFor(subscriber, head.fields);
    subscriber.handler.onResponseStart(this.#controllerOf(subscriber), { ...head, fields });
  }

  #passToStreamed(chunk: Buffer): void {
    const streamed = this.#streamed;
    if (streamed === undefined || this.#subscribers[0] !== streamed) return;
    streamed.handler.onResponseData(this.#controllerOf(streamed), chunk);
  }

  /** A client that has joined is told so (RFC 9211 §2). */
  #fieldsFor(subscriber: Subscriber, fields: Fields): Fields {
    if (subscriber === this.#first) return fields;
    const { call } = subscriber.request;
    if (call !== undefined) {
      call.trace.reuse = 'collapsed';
      call.trace.region = this.#region;
    }
    return [...fields, 'Cache-Status', 'maas-auth-proxy; fwd=miss; collapsed'];
  }

  get #region(): BufferedResponse['region'] {
    return this.#first.request.call?.trace.region;
  }

  /** A client that has joined a request of another one, far behind in the queue, does not wait for that one's turn but for its own. */
  #alsoWaitFor({ request }: Subscriber): void {
    if (request.call !== undefined) this.#waitFor?.(request.call.fairnessKey);
  }

  /** What a subscriber may do: disconnect, and, where the response is streamed to it, stop MAAS and go on. */
  #controllerOf(subscriber: Subscriber): Controller {
    const streaming = (): Controller | undefined => (this.#streamed === subscriber ? this.#controller : undefined);
    return {
      get paused() {
        return streaming()?.paused ?? false;
      },
      pause: () => streaming()?.pause(),
      resume: () => streaming()?.resume(),
      abort: (error) => this.#unsubscribe(subscriber, error),
    };
  }

  #unsubscribe(subscriber: Subscriber, error: Error): void {
    const at = this.#subscribers.indexOf(subscriber);
    if (at === -1) return;
    this.#subscribers.splice(at, 1);
    if (this.#subscribers.length === 0) {
      this.#context.onClosed(this);
      this.#releaseHeld();
      this.#controller?.abort(error);
    }
    subscriber.handler.onResponseError(error);
  }

  #hasRoom(bytes: number): boolean {
    const { held } = this.#context;
    return this.#size + bytes <= maxSharedBytes && held.bytes + bytes <= held.room;
  }

  #releaseHeld(): void {
    this.#context.held.bytes -= this.#size;
    this.#size = 0;
    this.#collected = undefined;
  }
}

/** The length that a response tells, bytes; 0 where it tells none. */
function announcedLength(fields: Fields): number {
  const length = Number(fieldOf(fields, 'content-length') ?? 0);
  return Number.isNaN(length) ? 0 : length;
}

function nobodyIsLeft(): Error {
  return new Error('all clients have disconnected');
}

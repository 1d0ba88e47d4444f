import { createHash, type Hash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { fairnessKey } from '../../limits/fairness-key.ts';
import { rawHeader, type UpstreamHandler, type UpstreamRequest } from '../forwarding-handler.ts';
import { isShareable } from './cache-key.ts';
import { unlessMatched, withEtag, withoutCondition } from './etag.ts';
import { rawFields, replay, type BufferedResponse } from './buffered-response.ts';

/** The largest answer that is given to several, bytes: the machines of a large MAAS (3,500 of them). */
const maxSharedBytes = 16 * 1024 * 1024;

/** Memory that answers are held in, counted for all flights together. */
export interface HeldBytes {
  bytes: number;
  /** How much there may be, bytes. */
  readonly room: number;
}

/** One who waits for the answer. */
export interface Subscriber {
  readonly options: Dispatcher.DispatchOptions;
  /** The answer that the client has already. */
  readonly ifNoneMatch: string | undefined;
  readonly handler: Dispatcher.DispatchHandler;
}

interface Head {
  readonly status: number;
  readonly rawHeaders: Buffer[];
  readonly resume: () => void;
  readonly statusText: string;
}

/** What flights have in common. */
export interface SharedRequestContext {
  /** Sends a request to MAAS. */
  readonly dispatch: Dispatcher['dispatch'];
  readonly held: HeldBytes;
  /** Told when nobody may join any more. */
  onClosed(request: SharedRequest): void;
  /** Told of each answer that was read whole; `undefined` where nothing is kept. */
  readonly onBuffered: ((request: SharedRequest, response: BufferedResponse) => void) | undefined;
}

/**
 * One read under way to MAAS, and all who wait for its answer. They can join until the answer begins.
 *
 * One who waits alone gets the answer as it comes. For several, and to be kept, it is first read whole: so the slow ones hold nobody up, an
 * answer that breaks off is an error for all of them and a broken transfer for none, and there is one copy of it in memory.
 * If it turns out too large for that, or is not meant for all, the first gets it and the others ask for themselves.
 *
 * Nobody is more than a rider: whoever leaves is taken off, also the first, and the request ends when nobody is left.
 */
export class SharedRequest implements UpstreamHandler {
  readonly cacheKey: string;
  /** How many lines there were when it began. */
  readonly epochAtStart: number;
  /** `performance.now()` then, ms. */
  readonly askedAt = performance.now();
  readonly #context: SharedRequestContext;
  readonly #first: Subscriber;
  #subscribers: Subscriber[] = [];
  #abort: ((error?: Error) => void) | undefined;
  #waitFor: ((client: string) => void) | undefined;
  #head: Head | undefined;
  /** The answer so far, while it is read whole. */
  #collected: Buffer[] | undefined;
  #size = 0;
  /** Becomes its `ETag`, where it may be kept. */
  #hash: Hash | undefined;

  constructor(plan: SharedRequestContext, text: string, line: number, first: Subscriber) {
    this.#context = plan;
    this.cacheKey = text;
    this.epochAtStart = line;
    this.#first = first;
  }

  /** Sends the request of the first. */
  begin(): boolean {
    this.join(this.#first);
    const { options, ifNoneMatch } = this.#first;
    if (this.#subscribers.length === 0) return true;
    return this.#context.dispatch(ifNoneMatch === undefined ? options : withoutCondition(options), this);
  }

  join(subscriber: Subscriber): void {
    this.#subscribers.push(subscriber);
    subscriber.handler.onConnect?.((error) => this.#unsubscribe(subscriber, error));
    this.#alsoWaitFor(subscriber);
  }

  onWait(abort: (error?: Error) => void, waitFor?: (client: string) => void): void {
    this.onConnect(abort);
    this.#waitFor = waitFor;
    for (const subscriber of this.#subscribers) this.#alsoWaitFor(subscriber);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#waitFor = undefined;
    this.#abort = abort;
    if (this.#subscribers.length === 0) abort();
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (status < 200) {
      if (this.#subscribers[0] === this.#first) this.#first.handler.onHeaders?.(status, rawHeaders, resume, statusText);
      return true;
    }
    this.#context.onClosed(this);
    this.#head = { status, rawHeaders, resume, statusText };
    const isKept = this.#context.onBuffered !== undefined && status === 200;
    const isForSeveral = this.#subscribers.length > 1 || isKept;
    if (!isForSeveral || !isShareable(rawHeaders) || !this.#hasRoom(announced(rawHeaders)))
      return this.#streamToFirst();
    this.#collected = [];
    if (isKept) this.#hash = createHash('sha256');
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#collected === undefined) return this.#subscribers[0]?.handler.onData?.(chunk) ?? true;
    this.#collected.push(chunk);
    if (this.#hasRoom(chunk.length)) {
      this.#hash?.update(chunk);
      this.#size += chunk.length;
      this.#context.held.bytes += chunk.length;
      return true;
    }
    const begun = Buffer.concat(this.#collected);
    this.#releaseHeld();
    this.#streamToFirst();
    return this.#subscribers[0]?.handler.onData?.(begun) ?? true;
  }

  onComplete(trailers: string[] | null): void {
    const subscribers = this.#subscribers;
    this.#subscribers = [];
    if (this.#collected === undefined) subscribers[0]?.handler.onComplete?.(trailers);
    else this.#respondToAll(subscribers, this.#buffered(Buffer.concat(this.#collected)));
  }

  onError(error: Error): void {
    this.#context.onClosed(this);
    this.#releaseHeld();
    const subscribers = this.#subscribers;
    this.#subscribers = [];
    for (const { handler } of subscribers) handler.onError?.(error);
  }

  #buffered(body: Buffer): BufferedResponse {
    const { status, rawHeaders, statusText } = this.#head as Head;
    const response: BufferedResponse = { status, statusText, rawHeaders, body, region: this.#region };
    if (this.#hash === undefined) return response;
    const tagged = withEtag(response, this.#hash);
    this.#context.onBuffered?.(this, tagged);
    return tagged;
  }

  #respondToAll(subscribers: readonly Subscriber[], response: BufferedResponse): void {
    let reading = subscribers.length;
    for (const subscriber of subscribers) {
      const own = { ...response, rawHeaders: this.#headersFor(subscriber, [...response.rawHeaders]) };
      replay(unlessMatched(own, subscriber.ifNoneMatch), subscriber.handler, () => {
        reading -= 1;
        if (reading === 0) this.#releaseHeld();
      });
    }
  }

  /** The first of those who are left gets the answer as it comes; the others ask for themselves. */
  #streamToFirst(): boolean {
    const { status, rawHeaders, resume, statusText } = this.#head as Head;
    const [subscriber, ...others] = this.#subscribers;
    if (subscriber === undefined) return true;
    this.#subscribers = [subscriber];
    for (const { options, handler } of others) this.#context.dispatch(options, handler);
    return subscriber.handler.onHeaders?.(status, this.#headersFor(subscriber, rawHeaders), resume, statusText) ?? true;
  }

  /** Whoever has joined is told so (RFC 9211 §2). */
  #headersFor(subscriber: Subscriber, rawHeaders: Buffer[]): Buffer[] {
    if (subscriber === this.#first) return rawHeaders;
    const { exchange } = subscriber.options as UpstreamRequest;
    if (exchange !== undefined) {
      exchange.reuse = 'collapsed';
      exchange.region = this.#region;
    }
    return [...rawHeaders, ...rawFields({ 'Cache-Status': 'maas-auth-proxy; fwd=miss; collapsed' })];
  }

  get #region(): BufferedResponse['region'] {
    return (this.#first.options as UpstreamRequest).exchange?.region;
  }

  /** Who has joined a request of a client whose turn is far off does not wait for that, but for its own. */
  #alsoWaitFor({ options }: Subscriber): void {
    const { exchange } = options as UpstreamRequest;
    if (exchange !== undefined) this.#waitFor?.(fairnessKey(exchange));
  }

  #unsubscribe(subscriber: Subscriber, error: Error | undefined): void {
    const at = this.#subscribers.indexOf(subscriber);
    if (at === -1) return;
    this.#subscribers.splice(at, 1);
    if (this.#subscribers.length === 0) {
      this.#context.onClosed(this);
      this.#releaseHeld();
      this.#abort?.(error);
    }
    subscriber.handler.onError?.(error ?? new Error('the client went away'));
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

/** The length that an answer tells, bytes; 0 where it tells none. */
function announced(rawHeaders: readonly Buffer[]): number {
  const length = Number(rawHeader(rawHeaders, 'content-length') ?? 0);
  return Number.isNaN(length) ? 0 : length;
}

import { fieldOf, type Fields } from '../http/fields.ts';
import {
  ForwardingHandler,
  isReplayable,
  type Controller,
  type Interceptor,
  type ResponseHead,
  type UpstreamDispatch,
  type UpstreamHandler,
  type UpstreamRequest,
} from './handler.ts';
import { abortable } from './abortable.ts';
import { brokenConnection, errorCode } from './errors.ts';

/** How often a request is sent at most. */
const maxAttempts = 3;

/** How long all waits of one request may take together, ms. MAAS's `Retry-After` is 5 or 10 s. */
const maxTotalWaitMs = 30_000;

/** The wait before a new connection is tried, ms, doubled each time. */
const firstDelayMs = 100;

/** An upload's chunks are appended at MAAS, so a chunk that is sent twice is stored twice. */
const upload = /\/boot-resources\/[^?]*\/upload\//;

/**
 * Sends a request again if nothing can run twice: a read whose connection broke before the first byte of the response,
 * or that got 409 or 503 with `Retry-After` in seconds, and a write of which no byte was sent.
 */
export function retry(): Interceptor {
  return (dispatch) => (request, handler) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead && upload.test(request.path)) dispatch(request, handler);
    else dispatch(request, new RetryHandler(handler, dispatch, request, isRead, { count: 1, waited: 0 }));
  };
}

/** The shared state of one request's attempts. */
interface Attempts {
  count: number;
  waited: number;
}

class RetryHandler extends ForwardingHandler {
  readonly #dispatch: UpstreamDispatch;
  readonly #request: UpstreamRequest;
  readonly #course: Attempts;
  readonly #isRead: boolean;
  #isSent = false;
  #hasResponse = false;
  /** The wait before the next attempt, ms; this attempt's response is being discarded. */
  #repeatAfter: number | undefined;

  constructor(
    next: UpstreamHandler,
    dispatch: UpstreamDispatch,
    request: UpstreamRequest,
    isRead: boolean,
    course: Attempts,
  ) {
    super(next);
    this.#dispatch = dispatch;
    this.#request = request;
    this.#course = course;
    this.#isRead = isRead;
  }

  override onRequestStart(controller: Controller): void {
    this.#isSent = true;
    super.onRequestStart(controller);
  }

  override onResponseStart(controller: Controller, head: ResponseHead): void {
    this.#repeatAfter = this.#retryAfterMs(head.status, head.fields);
    if (this.#repeatAfter !== undefined) return;
    if (head.status >= 200) this.#hasResponse = true;
    super.onResponseStart(controller, head);
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#repeatAfter === undefined) super.onResponseData(controller, chunk);
  }

  override onResponseEnd(controller: Controller): void {
    if (this.#repeatAfter === undefined) super.onResponseEnd(controller);
    else this.#repeat(this.#repeatAfter);
  }

  override onResponseError(error: Error): void {
    const isSafe = this.#isRead || !this.#isSent;
    if (
      isSafe &&
      !this.#hasResponse &&
      this.#course.count < maxAttempts &&
      isNotConnected(errorCode(error)) &&
      isReplayable(this.#request)
    ) {
      this.#repeat(firstDelayMs * 2 ** (this.#course.count - 1));
    } else {
      super.onResponseError(error);
    }
  }

  #retryAfterMs(status: number, fields: Fields): number | undefined {
    if (!this.#isRead || (status !== 409 && status !== 503) || this.#course.count >= maxAttempts) return undefined;
    const seconds = fieldOf(fields, 'retry-after') ?? '';
    if (!/^\d{1,5}$/.test(seconds)) return undefined;
    const wait = Number(seconds) * 1000;
    return this.#course.waited + wait <= maxTotalWaitMs ? wait : undefined;
  }

  #repeat(wait: number): void {
    this.#course.count += 1;
    this.#course.waited += wait;
    const timer = setTimeout(() => {
      this.#dispatch(
        this.#request,
        new RetryHandler(this.next, this.#dispatch, this.#request, this.#isRead, this.#course),
      );
    }, wait);
    // While nothing is in flight, a client that disconnects cancels the wait.
    super.onQueued(
      abortable((error) => {
        clearTimeout(timer);
        super.onResponseError(error);
      }),
    );
  }
}

function isNotConnected(code: string): boolean {
  return code === 'ECONNREFUSED' || brokenConnection.test(code);
}

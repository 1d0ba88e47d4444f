import type { Dispatcher } from 'undici';
import { ForwardingHandler, isReplayable, rawHeader } from './forwarding-handler.ts';
import { errorCode } from './errors.ts';

/** How often a request is sent at the most. */
const tries = 3;

/** How long all waits of one request may take together, ms. MAAS asks for 5 or 10 s. */
const patience = 30_000;

/** The wait before a new connection is tried, ms, doubled each time. */
const pause = 100;

/** A connection that did not come about, or that was closed or reset. Not a time-out: MAAS may still be working then. */
const brokenConnection = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/;

/** An upload's chunks append at MAAS, so that one sent twice is there twice. */
const upload = /\/boot-resources\/[^?]*\/upload\//;

/**
 * Sends a request again where nothing can run twice: a read whose connection died before the first byte of the answer, or
 * that MAAS asks to repeat (409 or 503 with `Retry-After` in seconds), and a write of which no byte was sent.
 */
export function retry(): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const isRead = options.method === 'GET' || options.method === 'HEAD';
    if (!isRead && upload.test(options.path)) return dispatch(options, handler);
    return dispatch(options, new RetryHandler(handler, dispatch, options, isRead, { count: 1, waited: 0 }));
  };
}

/** What the attempts of one request share. */
interface Course {
  count: number;
  waited: number;
}

class RetryHandler extends ForwardingHandler {
  readonly #dispatch: Dispatcher['dispatch'];
  readonly #options: Dispatcher.DispatchOptions;
  readonly #course: Course;
  readonly #isRead: boolean;
  #isSent = false;
  #isAnswered = false;
  /** ms after which this attempt's answer, which is being discarded, is followed by the next attempt. */
  #repeatAfter: number | undefined;

  constructor(
    next: Dispatcher.DispatchHandler,
    dispatch: Dispatcher['dispatch'],
    options: Dispatcher.DispatchOptions,
    isRead: boolean,
    course: Course,
  ) {
    super(next);
    this.#dispatch = dispatch;
    this.#options = options;
    this.#course = course;
    this.#isRead = isRead;
  }

  override onConnect(abort: (error?: Error) => void): void {
    this.#isSent = true;
    super.onConnect(abort);
  }

  override onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    this.#repeatAfter = this.#askedToRepeat(status, rawHeaders);
    if (this.#repeatAfter !== undefined) return true;
    if (status >= 200) this.#isAnswered = true;
    return super.onHeaders(status, rawHeaders, resume, statusText);
  }

  override onData(chunk: Buffer): boolean {
    return this.#repeatAfter !== undefined || super.onData(chunk);
  }

  override onComplete(trailers: string[] | null): void {
    if (this.#repeatAfter === undefined) super.onComplete(trailers);
    else this.#repeat(this.#repeatAfter);
  }

  override onError(error: Error): void {
    const isSafe = this.#isRead || !this.#isSent;
    if (
      isSafe &&
      !this.#isAnswered &&
      this.#course.count < tries &&
      brokenConnection.test(errorCode(error)) &&
      isReplayable(this.#options)
    ) {
      this.#repeat(pause * 2 ** (this.#course.count - 1));
    } else {
      super.onError(error);
    }
  }

  #askedToRepeat(status: number, rawHeaders: readonly Buffer[]): number | undefined {
    if (!this.#isRead || (status !== 409 && status !== 503) || this.#course.count >= tries) return undefined;
    const seconds = rawHeader(rawHeaders, 'retry-after') ?? '';
    if (!/^\d{1,5}$/.test(seconds)) return undefined;
    const wait = Number(seconds) * 1000;
    return this.#course.waited + wait <= patience ? wait : undefined;
  }

  #repeat(wait: number): void {
    this.#course.count += 1;
    this.#course.waited += wait;
    const timer = setTimeout(() => {
      this.#dispatch(
        this.#options,
        new RetryHandler(this.next, this.#dispatch, this.#options, this.#isRead, this.#course),
      );
    }, wait);
    // While nothing is under way, a client that leaves cancels the wait.
    super.onWait((error) => {
      clearTimeout(timer);
      super.onError(error ?? new Error('the client went away'));
    });
  }
}

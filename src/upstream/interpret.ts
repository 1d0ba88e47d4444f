import type { Dispatcher } from 'undici';
import { explainRefusal, readRefusal, type Refusal } from '../maas/refusal.ts';
import { Problem, type ProblemCode } from '../problem.ts';
import { Attempt, isReplayable } from './attempt.ts';
import type { Clock } from './clock.ts';
import { regionDown } from './region-down.ts';

/** The longest body of a 401 that is read, bytes; MAAS's are shorter than 200. */
const limit = 16 * 1024;

/**
 * Reads the answers that speak of the proxy and not to the client:
 * - 401: MAAS has refused the signature, and run nothing. Its words may hold the true secret, so they go no further. If
 *   the timestamp was too old, the clock is set by MAAS's and the request is signed and sent once more.
 * - 502 and 504: the words of MAAS's web server when the region controller behind it is down.
 */
export function interpret(clock: Clock): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, new Interpreter(handler, dispatch, options, clock, true));
}

class Interpreter extends Attempt {
  readonly #dispatch: Dispatcher['dispatch'];
  readonly #options: Dispatcher.DispatchOptions;
  readonly #clock: Clock;
  readonly #mayRepeat: boolean;
  /** The clock's difference by which this attempt was signed, s. */
  readonly #offset: number;
  #status = 0;
  #body = '';

  constructor(
    next: Dispatcher.DispatchHandler,
    dispatch: Dispatcher['dispatch'],
    options: Dispatcher.DispatchOptions,
    clock: Clock,
    mayRepeat: boolean,
  ) {
    super(next);
    this.#dispatch = dispatch;
    this.#options = options;
    this.#clock = clock;
    this.#mayRepeat = mayRepeat;
    this.#offset = clock.offset;
  }

  override onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (status !== 401 && status !== 502 && status !== 504) {
      return super.onHeaders(status, rawHeaders, resume, statusText);
    }
    this.#status = status;
    return true;
  }

  override onData(chunk: Buffer): boolean {
    if (this.#status === 0) return super.onData(chunk);
    if (this.#status === 401 && this.#body.length < limit) this.#body += chunk.toString('latin1');
    return true;
  }

  override onComplete(trailers: string[] | null): void {
    if (this.#status === 0) super.onComplete(trailers);
    else if (this.#status === 401) this.#onRefusal(readRefusal(this.#body));
    else super.onError(regionDown(this.#status));
  }

  override onError(error: Error): void {
    // The head of the 502 was enough to know; whether its page came whole does not matter.
    super.onError(this.#status === 502 || this.#status === 504 ? regionDown(this.#status) : error);
  }

  #onRefusal(refusal: Refusal): void {
    if (refusal.reason !== 'expired-timestamp') {
      super.onError(refused(refusal));
      return;
    }
    this.#clock.learn(refusal.now);
    if (this.#mayRepeat && isReplayable(this.#options)) {
      this.#dispatch(this.#options, new Interpreter(this.next, this.#dispatch, this.#options, this.#clock, false));
      return;
    }
    const { offset } = this.#clock;
    super.onError(offset === this.#offset ? tooLongUnderWay() : clocksDiffer({ ...refusal, offset }));
  }
}

/** The difference was not known, and the body is gone with the first attempt. */
function clocksDiffer(refusal: Refusal): Problem {
  return new Problem(
    'clock-difference',
    `${explainRefusal(refusal)} The proxy now allows for it. Nothing has run, but the body of this request is gone: send it again.`,
    { receivedStatus: 401 },
  );
}

/** The clocks agree, but MAAS, which looks at the signature once the body is there, got it too late. */
function tooLongUnderWay(): Problem {
  return new Problem(
    'request-timeout',
    'The request was under way for longer than the 300 s for which MAAS takes a signature. Nothing has run: send it again, a large body in less time.',
    { receivedStatus: 401 },
  );
}

const refusalCodes: Readonly<Record<Refusal['reason'], ProblemCode>> = {
  'unknown-consumer': 'key-unknown',
  'unknown-token': 'key-unknown',
  'wrong-secret': 'key-secret-wrong',
  'nonce-reused': 'nonce-reused',
  'expired-timestamp': 'clock-difference',
  unsigned: 'signature-lost',
  unknown: 'signature-refused',
};

function refused(refusal: Refusal): Problem {
  return new Problem(refusalCodes[refusal.reason], explainRefusal(refusal), { receivedStatus: 401 });
}

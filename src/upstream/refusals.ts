import type { Dispatcher } from 'undici';
import type { Regions } from '../maas/maas-address.ts';
import { explainRefusal, readRefusal, type Refusal } from '../maas/refusal.ts';
import { Problem, type ProblemCode } from '../problem.ts';
import { ForwardingHandler, isReplayable, type UpstreamRequest } from './forwarding-handler.ts';
import type { Clock } from './clock.ts';
import { redirectAway } from './redirect.ts';
import { regionDown } from './regions/region-down.ts';

/** The longest body of a 401 that is read, bytes; MAAS's are shorter than 200. */
const limit = 16 * 1024;

/**
 * Reads the answers that speak of the proxy and not to the client:
 * - 401: MAAS has refused the signature, and run nothing. Its words may hold the true secret, so they go no further. If
 *   the timestamp was too old, the clock is set by MAAS's and the request is signed and sent once more. Where there was no
 *   signature, MAAS speaks to the client.
 * - 502 and 504: the words of MAAS's web server when the region controller behind it is down. 508: those of a proxy in a loop.
 * - A redirect out of MAAS's API: a client that followed it would go past the proxy, unsigned.
 */
export function interpret(regions: Regions, clock: Clock): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, new Interpreter(handler, { dispatch, options, regions, clock }, true));
}

/** What an interpreter works with. */
interface Setting {
  readonly dispatch: Dispatcher['dispatch'];
  readonly options: UpstreamRequest;
  readonly regions: Regions;
  readonly clock: Clock;
}

class Interpreter extends ForwardingHandler {
  readonly #setting: Setting;
  readonly #mayRepeat: boolean;
  /** The clock's difference by which this attempt was signed, s. */
  readonly #offset: number;
  #isRefused = false;
  /** The words of a refused signature. */
  #body = '';
  /** What the client is told in place of this answer, known from its head. */
  #problem: Problem | undefined;

  constructor(next: Dispatcher.DispatchHandler, setting: Setting, mayRepeat: boolean) {
    super(next);
    this.#setting = setting;
    this.#mayRepeat = mayRepeat;
    this.#offset = setting.clock.offset;
  }

  override onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    this.#isRefused = status === 401 && this.#setting.options.exchange?.isUnsigned !== true;
    this.#problem =
      status === 502 || status === 504 || status === 508
        ? regionDown(status)
        : redirectAway(status, rawHeaders, this.#asked, this.#setting.regions);
    if (this.#isRefused || this.#problem !== undefined) return true;
    return super.onHeaders(status, rawHeaders, resume, statusText);
  }

  override onData(chunk: Buffer): boolean {
    if (this.#isRefused && this.#body.length < limit) this.#body += chunk.toString('latin1');
    return this.#isRefused || this.#problem !== undefined || super.onData(chunk);
  }

  override onComplete(trailers: string[] | null): void {
    if (this.#isRefused) this.#onRefusal(readRefusal(this.#body));
    else if (this.#problem !== undefined) super.onError(this.#problem);
    else super.onComplete(trailers);
  }

  override onError(error: Error): void {
    // The head was enough to know; whether its page came whole does not matter.
    super.onError(this.#problem ?? error);
  }

  /** The address that MAAS was asked at. */
  get #asked(): string {
    const { options, regions } = this.#setting;
    const [first] = regions;
    const { origin, apiPath } = options.exchange?.region ?? first;
    return origin + apiPath + options.path.slice(first.apiPath.length);
  }

  #onRefusal(refusal: Refusal): void {
    if (refusal.reason !== 'expired-timestamp') {
      super.onError(refused(refusal));
      return;
    }
    const { dispatch, options, clock } = this.#setting;
    clock.learn(refusal.now);
    if (this.#mayRepeat && isReplayable(options)) {
      dispatch(options, new Interpreter(this.next, this.#setting, false));
      return;
    }
    const { offset } = clock;
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

import type { Regions } from '../maas/maas-address.ts';
import { explainRefusal, readRefusal, type Refusal } from '../maas/refusal.ts';
import { Problem, type ProblemCode } from '../problem.ts';
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
import type { Clock } from './clock.ts';
import { redirectAway } from './redirect.ts';
import { isGatewayStatus, regionDown } from './regions/region-down.ts';

/** The longest body of a 401 that is read, bytes; MAAS's are shorter than 200. */
const limit = 16 * 1024;

/**
 * Reads the responses that are about the proxy and not for the client:
 * - 401: MAAS has refused the signature, and run nothing. The body may contain the true secret, so it is not forwarded.
 *   If the timestamp was too old, the clock is set by MAAS's and the request is signed and sent once more. A 401 to an
 *   unsigned request is for the client.
 * - 502 and 504: from MAAS's web server when the region controller behind it is down. 508: from a proxy in a loop.
 * - A redirect out of MAAS's API: a client that followed it would go past the proxy, unsigned.
 */
export function readRefusals(regions: Regions, clock: Clock): Interceptor {
  return (dispatch) => (request, handler) =>
    dispatch(request, new RefusalHandler(handler, { dispatch, request, regions, clock }, true));
}

/** The shared state of one request's attempts. */
interface Context {
  readonly dispatch: UpstreamDispatch;
  readonly request: UpstreamRequest;
  readonly regions: Regions;
  readonly clock: Clock;
}

class RefusalHandler extends ForwardingHandler {
  readonly #context: Context;
  readonly #mayRepeat: boolean;
  /** The clock difference with which this attempt was signed, s. */
  readonly #offset: number;
  #isRefused = false;
  /** The body of the 401. */
  #body = '';
  /** What the client gets in place of this response, known from its headers. */
  #problem: Problem | undefined;

  constructor(next: UpstreamHandler, context: Context, mayRepeat: boolean) {
    super(next);
    this.#context = context;
    this.#mayRepeat = mayRepeat;
    this.#offset = context.clock.offset;
  }

  override onResponseStart(controller: Controller, head: ResponseHead): void {
    const { status, fields } = head;
    const { request, regions } = this.#context;
    this.#isRefused = status === 401 && request.signedBy !== 'nobody';
    this.#problem = isGatewayStatus(status)
      ? regionDown(status)
      : redirectAway(status, fields, this.#requestedUrl, regions);
    if (!this.#isRefused && this.#problem === undefined) super.onResponseStart(controller, head);
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#isRefused && this.#body.length < limit) this.#body += chunk.toString('latin1');
    if (!this.#isRefused && this.#problem === undefined) super.onResponseData(controller, chunk);
  }

  override onResponseEnd(controller: Controller): void {
    if (this.#isRefused) this.#onRefusal(readRefusal(this.#body));
    else if (this.#problem !== undefined) super.onResponseError(this.#problem);
    else super.onResponseEnd(controller);
  }

  override onResponseError(error: Error): void {
    // The headers were enough; it does not matter whether the body is complete.
    super.onResponseError(this.#problem ?? error);
  }

  /** The URL that the request was sent to. */
  get #requestedUrl(): string {
    const { request, regions } = this.#context;
    const [first] = regions;
    const { origin, apiPath } = request.call?.trace.region ?? first;
    return origin + apiPath + request.path.slice(first.apiPath.length);
  }

  #onRefusal(refusal: Refusal): void {
    if (refusal.reason !== 'expired-timestamp') {
      super.onResponseError(refused(refusal));
      return;
    }
    const { dispatch, request, clock } = this.#context;
    clock.learn(refusal.now);
    if (this.#mayRepeat && isReplayable(request)) {
      dispatch(request, new RefusalHandler(this.next, this.#context, false));
      return;
    }
    const { offset } = clock;
    super.onResponseError(offset === this.#offset ? tooLongInFlight() : clocksDiffer({ ...refusal, offset }));
  }
}

/** The clock difference was not known, and the body was used up by the first attempt. */
function clocksDiffer(refusal: Refusal): Problem {
  return new Problem(
    'clock-difference',
    `${explainRefusal(refusal)} The proxy now allows for it. Nothing has run, but the proxy no longer has the body of this request: send it again.`,
    { receivedStatus: 401 },
  );
}

/** The clocks agree, but MAAS, which checks the signature after the body has arrived, got it too late. */
function tooLongInFlight(): Problem {
  return new Problem(
    'request-timeout',
    'The request took longer to reach MAAS than the 300 s for which MAAS accepts a signature. Nothing has run. Send the request again; a large body must arrive in less time.',
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

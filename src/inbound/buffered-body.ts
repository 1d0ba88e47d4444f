import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { bodyReleased } from '../http/collect-by-bytes.ts';
import { Problem } from '../problem.ts';
import { readBody } from '../http/read-body.ts';
import { fairnessKey } from '../limits/fairness-key.ts';
import { createFairBudget, type FairBudget } from '../limits/fair-budget.ts';

/** The largest body that MAAS's web server accepts, bytes. */
const maxBody = 10 * 1024 * 1024;

/** The largest small body, bytes: it is read before its request waits for a slot at MAAS. */
export const smallBody = 64 * 1024;

/** Buffers the body of a request, and holds it until the request ends. */
export type BufferBody = (exchange: Exchange, identity: ClientIdentity) => Promise<readonly Buffer[]>;

/** The bounds of buffered bodies, bytes. */
export interface BodyBounds {
  /**
   * Of the bodies of all requests together. A quarter is reserved for small bodies, so that large bodies cannot exclude
   * them. In each part a client may hold as much as it leaves to others. With 32 MiB a body of 10 MiB just fits.
   */
  readonly all: number;
  /** The largest small body. */
  readonly small: number;
}

/** `Retry-After` of a request whose body exceeded the bounds, s. */
const retryAfter = 5;

/**
 * Creates a reader that bounds the memory of all buffered bodies together. Each body is bounded, but there may be
 * 10,000 clients, and a client that sends slowly holds its body for minutes.
 */
export function createBodyBuffer(bounds: BodyBounds = { all: 96 * 1024 * 1024, small: smallBody }): BufferBody {
  const forSmall = createFairBudget(bounds.all / 4);
  const forLarge = createFairBudget(bounds.all - bounds.all / 4);
  return (exchange, identity) => {
    const reservation = new Reservation(fairnessKey(identity, exchange.peer));
    let hasEnded = false;
    exchange.onEnd(() => {
      hasEnded = true;
      bodyReleased(reservation.bytes);
      reservation.resize(undefined, 0);
    });
    return readBody(exchange.request, maxBody, (bytes) => {
      const fits = !hasEnded && reservation.resize(bytes > bounds.small ? forLarge : forSmall, bytes);
      return fits ? undefined : memoryExhausted();
    });
  };
}

/** The memory that one request has reserved, and in which budget. */
class Reservation {
  readonly #client: string;
  #budget: FairBudget | undefined;
  #bytes = 0;

  constructor(client: string) {
    this.#client = client;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether the budget allows it; if not, the reservation stays as it was */
  resize(budget: FairBudget | undefined, bytes: number): boolean {
    const more = budget === this.#budget ? bytes - this.#bytes : bytes;
    if (more > 0 && budget?.acquire(this.#client, more) === false) return false;
    if (budget !== this.#budget) this.#budget?.release(this.#client, this.#bytes);
    else if (more < 0) budget?.release(this.#client, -more);
    this.#budget = budget;
    this.#bytes = bytes;
    return true;
  }
}

function memoryExhausted(): Problem {
  return new Problem(
    'limit-reached',
    "The proxy already holds as much of this client's request bodies, or of everybody's, as it may; send this one again in a while. It has not been sent to MAAS.",
    { status: 503, retryAfter },
  );
}

import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { letsGo } from '../http/collect-by-bytes.ts';
import { Problem } from '../problem.ts';
import { readBody } from '../http/read-body.ts';
import { fairnessKey } from '../limits/fairness-key.ts';
import { createFairRoom, type FairRoom } from '../limits/fair-room.ts';

/** The largest body that MAAS's web server takes, bytes. */
const maxBody = 10 * 1024 * 1024;

/** Up to this size a body is a small one, bytes: it is read before its request asks for a slot at MAAS. */
export const smallBody = 64 * 1024;

/** Reads the body of a request whole, and holds it until the request is over. */
export type BufferBody = (exchange: Exchange, identity: ClientIdentity) => Promise<readonly Buffer[]>;

/** How much may be held, bytes. */
export interface BodyRoom {
  /**
   * Of the bodies of all requests together. A quarter is for small ones, so that large ones do not keep them out; of each part a client
   * may hold as much as it leaves to others. With 32 MiB a body of 10 MiB just finds room.
   */
  readonly all: number;
  /** Up to which size a body is a small one. */
  readonly small: number;
}

/** After how many seconds a request that found no room should come again. */
const retryAfter = 5;

/**
 * Makes a reader of bodies that holds no more than so much at once. Each body is bounded, but there may be 10,000 clients, and
 * one that sends a byte now and then holds its own for minutes.
 */
export function createBodyBuffer(room: BodyRoom = { all: 96 * 1024 * 1024, small: smallBody }): BufferBody {
  const forSmall = createFairRoom(room.all / 4);
  const forLarge = createFairRoom(room.all - room.all / 4);
  return (exchange, identity) => {
    const hold = new Hold(fairnessKey(identity, exchange.peer));
    let hasEnded = false;
    exchange.onEnd(() => {
      hasEnded = true;
      letsGo(hold.bytes);
      hold.resize(undefined, 0);
    });
    return readBody(exchange.request, maxBody, (bytes) => {
      const fits = !hasEnded && hold.resize(bytes > room.small ? forLarge : forSmall, bytes);
      return fits ? undefined : noRoom();
    });
  };
}

/** What one request holds, and where. */
class Hold {
  readonly #client: string;
  #room: FairRoom | undefined;
  #bytes = 0;

  constructor(client: string) {
    this.#client = client;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether there is room; if not, everything stays as it was */
  resize(room: FairRoom | undefined, bytes: number): boolean {
    const more = room === this.#room ? bytes - this.#bytes : bytes;
    if (more > 0 && room?.take(this.#client, more) === false) return false;
    if (room !== this.#room) this.#room?.give(this.#client, this.#bytes);
    else if (more < 0) room?.give(this.#client, -more);
    this.#room = room;
    this.#bytes = bytes;
    return true;
  }
}

function noRoom(): Problem {
  return new Problem(
    'limit-reached',
    "The proxy already holds as much of this client's request bodies, or of everybody's, as it may; send this one again in a while. It has not been sent to MAAS.",
    { status: 503, retryAfter },
  );
}

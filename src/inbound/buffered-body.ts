import { sizeOf } from '../http/byte-blocks.ts';
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
export type BufferBody = (exchange: Exchange) => Promise<readonly Buffer[]>;

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
  return (exchange) => {
    const { request, response } = exchange;
    const hold = new Hold(fairnessKey(exchange));
    let isOver = response.closed || response.destroyed;
    response.once('close', () => {
      isOver = true;
      hold.resize(undefined, 0);
      // The connection remembers its last request.
      letsGo(sizeOf(exchange.body ?? []));
      exchange.body = undefined;
    });
    return readBody(request, maxBody, (bytes) => {
      const fits = !isOver && hold.resize(bytes > room.small ? forLarge : forSmall, bytes);
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

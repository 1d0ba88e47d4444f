import { readBody } from '../client-body.ts';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';

/** The largest body that MAAS's web server takes, bytes. */
const maxBody = 10 * 1024 * 1024;

/** Reads the body of a request whole, and holds it until the request is over. */
export type WholeBody = (exchange: Exchange) => Promise<Buffer>;

/** How much may be held, bytes. */
export interface BodyRoom {
  /** Of the bodies of all requests together. */
  readonly all: number;
  /** A body up to this size always finds room: most are smaller, and whoever fills the room must not keep them out. */
  readonly small: number;
}

/** After how many seconds a request that found no room should come again. */
const retryAfter = 5;

/**
 * Makes a reader of bodies that holds no more than so much at once. Each body is bounded, but there may be 10,000 clients, and
 * one that sends a byte now and then holds its own for as long as it likes.
 */
export function createWholeBody(room: BodyRoom = { all: 256 * 1024 * 1024, small: 64 * 1024 }): WholeBody {
  let held = 0;
  return ({ request, response }) => {
    let own = 0;
    response.once('close', () => {
      held -= own;
      own = 0;
    });
    return readBody(request, maxBody, (bytes, size) => {
      if (response.closed || response.destroyed || (size > room.small && held + bytes > room.all)) return noRoom();
      held += bytes;
      own += bytes;
      return undefined;
    });
  };
}

function noRoom(): Problem {
  return new Problem(
    'limit-reached',
    'The proxy already holds as much of the bodies of others as it may; send this one again in a while. It has not been sent to MAAS.',
    { status: 503, retryAfter },
  );
}

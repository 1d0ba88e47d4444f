import type { Seat } from './places.ts';

/**
 * Seats that wait, in the order in which they came.
 *
 * These are arrays with gaps, and no Sets: V8 leaves the old tables of a Set that changes all the time behind, with all that once stood
 * in them (see reuse.ts).
 */
export class WaitingList {
  #seats: (Seat | undefined)[] = [];
  /** No seat stands before it. */
  #start = 0;
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  add(seat: Seat): void {
    this.#seats.push(seat);
    this.#size += 1;
  }

  /** The one that came first. */
  first(): Seat | undefined {
    if (this.#size === 0) return undefined;
    while (this.#seats[this.#start] === undefined) this.#start += 1;
    return this.#seats[this.#start];
  }

  /** Takes one out, mostly the first. */
  drop(seat: Seat): void {
    // Nothing of it is held from here on: its request may have a large body.
    this.#seats[this.#seats.indexOf(seat, this.#start)] = undefined;
    this.#size -= 1;
    if (this.#seats.length < 2 * this.#size + slack) return;
    this.#seats = this.all();
    this.#start = 0;
  }

  all(): Seat[] {
    return this.#seats.filter((seat) => seat !== undefined);
  }
}

/** How many gaps a list may have before it is closed up. */
const slack = 64;

/** One client's seats in the line. */
export interface Waiting {
  readonly client: string;
  readonly short: WaitingList;
  readonly long: WaitingList;
}

/** Nobody waits in it so far. */
export function emptyWaiting(client: string): Waiting {
  return { client, short: new WaitingList(), long: new WaitingList() };
}

/** How many of a client's seats wait. */
export function sizeOf({ short, long }: Waiting): number {
  return short.size + long.size;
}

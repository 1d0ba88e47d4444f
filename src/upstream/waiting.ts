import type { Seat } from './places.ts';

/**
 * Seats that wait, in the order in which they came. One that waits no longer is passed over when its turn comes, wherever it
 * stands, so that a list need not be searched for it.
 *
 * These are arrays, and no Sets: V8 leaves the old tables of a Set that changes all the time behind, with all that once stood in
 * them (see reuse.ts).
 */
export class WaitingList {
  #seats: Seat[] = [];
  #first = 0;
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
    while (this.#seats[this.#first]?.state !== 'waiting') this.#first += 1;
    return this.#seats[this.#first];
  }

  /** To be called when one of them waits no longer. */
  left(): void {
    this.#size -= 1;
    // What is held of those that have left must not grow.
    if (this.#seats.length < 2 * this.#size + slack) return;
    this.#seats = this.all();
    this.#first = 0;
  }

  all(): Seat[] {
    return this.#seats.filter(({ state }) => state === 'waiting');
  }
}

/** How many that have left a list holds before it is cleared of them. */
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

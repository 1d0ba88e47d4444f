import type { Slot } from './concurrency-limiter.ts';

/**
 * Queued slots, in order of arrival.
 *
 * These are arrays with gaps, not Sets: V8 leaves the old tables of a changing Set behind, with everything that was in
 * them (see reuse.ts).
 */
export class SlotList {
  #slots: (Slot | undefined)[] = [];
  /** There is no slot before this index. */
  #start = 0;
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  add(slot: Slot): void {
    this.#slots.push(slot);
    this.#size += 1;
  }

  /** The oldest one. */
  first(): Slot | undefined {
    if (this.#size === 0) return undefined;
    while (this.#slots[this.#start] === undefined) this.#start += 1;
    return this.#slots[this.#start];
  }

  /** Removes one, usually the first. */
  remove(slot: Slot): void {
    // The reference is dropped immediately: the request may have a large body.
    this.#slots[this.#slots.indexOf(slot, this.#start)] = undefined;
    this.#size -= 1;
    if (this.#slots.length < 2 * this.#size + slack) return;
    this.#slots = this.all();
    this.#start = 0;
  }

  all(): Slot[] {
    return this.#slots.filter((slot) => slot !== undefined);
  }
}

/** How many gaps a list may have before it is compacted. */
const slack = 64;

/** One client's queue. */
export interface ClientQueue {
  readonly client: string;
  readonly short: SlotList;
  readonly long: SlotList;
}

/** Creates an empty queue. */
export function emptyClientQueue(client: string): ClientQueue {
  return { client, short: new SlotList(), long: new SlotList() };
}

/** The length of a client's queue. */
export function sizeOf({ short, long }: ClientQueue): number {
  return short.size + long.size;
}

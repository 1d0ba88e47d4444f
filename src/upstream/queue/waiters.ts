import { SlotList } from './slot-list.ts';

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

import type { IncomingMessage } from 'node:http';

/** How much memory the heads of requests may take, bytes. */
export interface HeadBounds {
  /** Of all connections together: those that wait for their turn, and the large ones until their request is over. */
  readonly all: number;
  /** Of those that wait on one connection; beyond that nothing more is read from it. */
  readonly perConnection: number;
}

/** How many fields a head may have: six times what MAAS's own server takes, which says so itself (Twisted's `HTTPChannel.maxHeaders`). */
export const maxFields = 3_100;

/** Keeps account of the memory that heads take. */
export interface HeadRoom extends HeadBounds {
  /** @returns whether there was room; then it is to be given back */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

/** Begins with nothing held. */
export function createHeadRoom(bounds: HeadBounds): HeadRoom {
  let held = 0;
  return {
    ...bounds,
    take(bytes) {
      if (held + bytes > bounds.all) return false;
      held += bytes;
      return true;
    },
    giveBack(bytes) {
      held -= bytes;
    },
  };
}

/** What a request takes besides its text: Node's and Fastify's objects (measured: 7 KB). */
const perRequest = 8 * 1024;

/** What a field takes besides its text: two strings, two places in a list, and one in an object. */
export const perField = 160;

/** How much memory a request's head takes, bytes: of thousands of tiny fields twenty times what was sent. */
export function headMemory({ rawHeaders, url = '' }: Pick<IncomingMessage, 'rawHeaders' | 'url'>): number {
  let size = perRequest + url.length + (rawHeaders.length / 2) * perField;
  for (const part of rawHeaders) size += part.length;
  return size;
}

import type { IncomingMessage } from 'node:http';

/** How much memory request headers may take, bytes. */
export interface HeaderBounds {
  /** Of all connections together: pipelined headers that wait, and large headers until their request ends. */
  readonly all: number;
  /** Of the pipelined headers that wait on one connection; beyond this bound the proxy stops reading from it. */
  readonly perConnection: number;
}

/**
 * How many header fields a request may have: six times the limit of MAAS's own server (Twisted's
 * `HTTPChannel.maxHeaders`), which reports it itself.
 */
export const maxFields = 3_100;

/** Counts the memory that request headers take. */
export interface HeaderBudget extends HeaderBounds {
  /** @returns whether the bytes were available; if so, the caller must release them */
  acquire(bytes: number): boolean;
  release(bytes: number): void;
}

/** Creates an unused budget. */
export function createHeaderBudget(bounds: HeaderBounds): HeaderBudget {
  let held = 0;
  return {
    ...bounds,
    acquire(bytes) {
      if (held + bytes > bounds.all) return false;
      held += bytes;
      return true;
    },
    release(bytes) {
      held -= bytes;
    },
  };
}

/** The memory of a request besides its text: Node's and Fastify's objects (measured: 7 KB). */
const perRequest = 8 * 1024;

/** The memory of a field besides its text: two strings, two list entries, and one object member. */
export const perField = 160;

/** How much memory a request's headers take, bytes: for thousands of tiny fields twenty times what was sent. */
export function headerMemory({ rawHeaders, url = '' }: Pick<IncomingMessage, 'rawHeaders' | 'url'>): number {
  let size = perRequest + url.length + (rawHeaders.length / 2) * perField;
  for (const part of rawHeaders) size += part.length;
  return size;
}

import { totalmem } from 'node:os';

const MIB = 1024 * 1024;

/** The most memory that is taken by default, bytes, however much there is. */
const most = 512 * MIB;

/** The least that `--max-memory` may be, bytes. */
export const leastMemory = 64 * MIB;

/** The bounds of all that may fill up with what clients and MAAS send, in one place: docs/limits.md has them as a table. */
export interface MemoryBounds {
  /** Of all bounds together, bytes. */
  readonly total: number;
  /** Clients connected at once. */
  readonly connections: number;
  /** Bodies of requests that are held, bytes. */
  readonly bodies: number;
  /** Heads that wait for their turn, and large ones until their request is over, bytes. */
  readonly heads: number;
  /** Heads that have begun and are not complete, bytes. */
  readonly unfinishedHeads: number;
  /** Responses that are given to several, bytes. */
  readonly shared: number;
  /** What waits in connections for clients that read slowly, bytes. */
  readonly unread: number;
  /** Responses that are compressed at once. */
  readonly compressed: number;
  /** The cache, bytes; 0 where there is none. */
  readonly cache: number;
  /** Lines of the log that wait to be written, bytes. */
  readonly log: number;
  /** Lines of the audit file that wait to be written, bytes. */
  readonly audit: number;
}

/** Parts of what the cache leaves, in 64ths; together they are all of it. */
const parts = {
  connections: 20,
  bodies: 14,
  heads: 4,
  unfinishedHeads: 4,
  shared: 8,
  unread: 8,
  compressed: 4,
  log: 1,
  audit: 1,
} as const;

/** What a connection takes while nothing happens on it, bytes (measured). */
const perConnection = { plain: 8 * 1024, tls: 50 * 1024 };

/** What a response takes while it is compressed, bytes: zstd the most. */
const perCoder = 3 * MIB;

/** The bounds that there were before there was a budget: more of it makes none of these larger. */
const enough = { connections: 10_000, compressed: 64, log: 4 * MIB, audit: 8 * MIB };

/** What hangs on other settings. */
export interface MemoryUse {
  /** Whether clients come by TLS. */
  readonly tls: boolean;
  /** Whether there is a cache. */
  readonly caches: boolean;
  /** How much the cache may hold, bytes, where the operator has said so; an eighth of all otherwise. */
  readonly cacheBytes?: number | undefined;
}

/**
 * Derives all bounds from how much memory they may take together. What the program takes at rest, and garbage until it is
 * collected, comes on top.
 *
 * @param total bytes
 */
export function memoryBounds(total: number, { tls, caches, cacheBytes }: MemoryUse): MemoryBounds {
  const cache = caches ? (cacheBytes ?? Math.floor(total / 8)) : 0;
  const part = (name: keyof typeof parts): number => Math.floor((Math.max(0, total - cache) * parts[name]) / 64);
  const count = (name: 'connections' | 'compressed', each: number): number =>
    Math.min(enough[name], Math.floor(part(name) / each));
  return {
    total,
    connections: count('connections', tls ? perConnection.tls : perConnection.plain),
    bodies: part('bodies'),
    heads: part('heads'),
    unfinishedHeads: part('unfinishedHeads'),
    shared: part('shared'),
    unread: part('unread'),
    compressed: count('compressed', perCoder),
    cache,
    log: Math.min(enough.log, part('log')),
    audit: Math.min(enough.audit, part('audit')),
  };
}

/** The largest cache that leaves room for the rest, bytes. */
export function largestCache(total: number): number {
  return Math.floor(total / 2);
}

/**
 * How much memory the bounds may take together where nobody has said so: half of what the system gives, which is the
 * container's limit (cgroup v1 or v2) or else the machine's memory.
 *
 * @param limit bytes
 */
export function defaultMemory(limit: number = systemLimit()): number {
  return Math.max(leastMemory, Math.min(most, Math.floor(limit / 2)));
}

/** What the system gives this process, bytes. libuv finds its cgroup; without a limit it tells 0, or a number that no machine has. */
export function systemLimit(): number {
  const machine = totalmem();
  const constrained = process.constrainedMemory();
  return constrained !== undefined && constrained > 0 ? Math.min(machine, constrained) : machine;
}

import { totalmem } from 'node:os';

const MIB = 1024 * 1024;

/** The largest default of `--max-memory`, bytes. */
const most = 512 * MIB;

/** The least that `--max-memory` may be, bytes. */
export const leastMemory = 64 * MIB;

/** All bounds of memory that clients and MAAS can fill; docs/limits.md has them as a table. */
export interface MemoryBounds {
  /** The sum of all bounds, bytes. */
  readonly total: number;
  /** Concurrent client connections. */
  readonly connections: number;
  /** Buffered request bodies, bytes. */
  readonly bodies: number;
  /** Pipelined request headers that wait, and large headers until their request ends, bytes. */
  readonly headers: number;
  /** Incomplete request headers, bytes. */
  readonly incompleteHeaders: number;
  /** Responses that several clients share, bytes. */
  readonly shared: number;
  /** Response bytes that wait for slow clients, bytes. */
  readonly unread: number;
  /** How many responses are compressed concurrently. */
  readonly compressed: number;
  /** The cache, bytes; 0 without a cache. */
  readonly cache: number;
  /** Log lines that wait to be written, bytes. */
  readonly log: number;
  /** Audit lines that wait to be written, bytes. */
  readonly audit: number;
}

/** The parts of the memory without the cache, in 64ths; they add up to all of it. */
const parts = {
  connections: 20,
  bodies: 14,
  headers: 4,
  incompleteHeaders: 4,
  shared: 8,
  unread: 8,
  compressed: 4,
  log: 1,
  audit: 1,
} as const;

/** Memory of an idle connection, bytes (measured). */
const perConnection = { plain: 8 * 1024, tls: 50 * 1024 };

/** Memory for compressing one response, bytes; zstd needs the most. */
const perCoder = 3 * MIB;

/** Upper limits of the bounds: a larger budget does not raise these. */
const enough = { connections: 10_000, compressed: 64, log: 4 * MIB, audit: 8 * MIB };

/** The settings on which the bounds depend. */
export interface MemoryUse {
  /** Whether clients connect with TLS. */
  readonly tls: boolean;
  /** Whether there is a cache. */
  readonly caches: boolean;
  /** The size of the cache, bytes, if the operator set it; otherwise an eighth of the total. */
  readonly cacheBytes?: number | undefined;
}

/**
 * Derives all bounds from the total. The memory of the idle program, and garbage until it is collected, come on top.
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
    headers: part('headers'),
    incompleteHeaders: part('incompleteHeaders'),
    shared: part('shared'),
    unread: part('unread'),
    compressed: count('compressed', perCoder),
    cache,
    log: Math.min(enough.log, part('log')),
    audit: Math.min(enough.audit, part('audit')),
  };
}

/** The largest cache that leaves enough for the other bounds, bytes. */
export function largestCache(total: number): number {
  return Math.floor(total / 2);
}

/**
 * The default of `--max-memory`: half of the memory of the system, which is the container's limit (cgroup v1 or v2), or
 * the machine's memory.
 *
 * @param limit bytes
 */
export function defaultMemory(limit: number = systemLimit()): number {
  return Math.max(leastMemory, Math.min(most, Math.floor(limit / 2)));
}

/**
 * The memory of the system, bytes. libuv finds the cgroup; without a limit it returns 0, or a number that no machine
 * has.
 */
export function systemLimit(): number {
  const machine = totalmem();
  const constrained = process.constrainedMemory();
  return constrained !== undefined && constrained > 0 ? Math.min(machine, constrained) : machine;
}

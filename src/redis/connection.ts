import type { Redis } from 'ioredis';
import { loadRedisLibrary } from './library.ts';

/** A connection to the Redis or Valkey that all replicas share. */
export interface RedisConnection {
  readonly isUp: boolean;
  /**
   * Runs a command.
   *
   * @throws {Unavailable} immediately while Redis is known to be down, else after half a second without a response
   */
  run<Result>(command: (redis: Redis) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Redis does not respond. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

/** How long to wait for a response, and for a connection, ms. */
const timeoutMs = { response: 500, connection: 2_000 };

/** The backoff before a new connection, ms: after a broken connection, and after an error reply. */
const backoffMs = { broken: 200, refused: 5_000 };

/** The prefix of every key; the braces put all keys in one hash slot of a cluster, as scripts need it. */
export const keyPrefix = '{maas-auth-proxy}:';

/**
 * Opens a connection to Redis. The library is loaded here, so that a proxy without Redis does not pay for it. The proxy
 * also starts if Redis does not respond.
 *
 * @param url may contain a password, and is never logged
 * @param onChange called with the reason when Redis comes up or goes down
 * @returns resolves after the first response or failure
 * @throws {ConfigurationError} if the library is not installed
 */
export async function openRedisConnection(
  url: string,
  onChange: (isUp: boolean, why: string) => void,
): Promise<RedisConnection> {
  const Client = await loadRedisLibrary();
  const redis = new Client(url, {
    connectionName: 'maas-auth-proxy',
    lazyConnect: true,
    connectTimeout: timeoutMs.connection,
    commandTimeout: timeoutMs.response,
    // A connection that hangs is closed immediately; no command waits for a connection or is sent twice.
    disconnectTimeout: timeoutMs.response,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => (isRefused ? backoffMs.refused : backoffMs.broken),
  });
  let state: 'unknown' | 'up' | 'down' | 'closed' = 'unknown';
  let isRefused = false;
  let why = '';

  function change(to: 'up' | 'down'): void {
    if (state === to || state === 'closed') return;
    state = to;
    onChange(to === 'up', why);
    resolveFirstChange?.();
  }

  /** Also called for an error reply: a wrong password, no memory left, a replica that accepts no writes. */
  function fail(error: unknown): void {
    why = reasonOf(error);
    isRefused = isRefusal(error);
    change('down');
    if (state !== 'closed' && redis.status === 'ready') redis.disconnect(true);
  }

  async function probe(): Promise<void> {
    try {
      await redis.set(`${keyPrefix}probe`, '1', 'PX', 1_000);
      why = '';
      isRefused = false;
      change('up');
    } catch (error) {
      fail(error);
    }
  }

  let resolveFirstChange: (() => void) | undefined;
  const firstChange = new Promise<void>((resolve) => {
    resolveFirstChange = resolve;
  });
  redis.on('error', (error: Error) => {
    why = reasonOf(error);
    isRefused = isRefusal(error);
  });
  redis.on('close', () => {
    if (why === '') why = 'connection closed';
    change('down');
  });
  redis.on('ready', () => {
    // It may still refuse writes.
    void probe();
  });
  redis.connect().catch(() => {});
  await firstChange;

  return {
    get isUp() {
      return state === 'up';
    },
    async run(command) {
      if (state !== 'up') throw new Unavailable(why);
      try {
        return await command(redis);
      } catch (error) {
        fail(error);
        throw new Unavailable(why);
      }
    },
    async close() {
      state = 'closed';
      // The last commands are still sent.
      if (redis.status === 'ready') await redis.quit().catch(() => {});
      redis.disconnect();
    },
  };
}

/**
 * Redis's own code of a refusal (`WRONGPASS`, `OOM`, `READONLY`), or the system's code of a failure; no text, which may
 * contain secrets.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (isRefusal(error)) return /^[A-Z]+/.exec(error.message)?.[0] ?? 'refused';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return /timed? ?out/i.test(error.message) ? 'timeout' : 'connection closed';
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

import type { Redis } from 'ioredis';

/** A memory that several replicas have in common: Redis or Valkey. */
export interface RedisConnection {
  readonly isUp: boolean;
  /**
   * Asks it something.
   *
   * @throws {Unavailable} at once where it is known not to answer, and after half a second where that is found out
   */
  run<Answer>(question: (redis: Redis) => Promise<Answer>): Promise<Answer>;
  close(): Promise<void>;
}

/** The shared memory does not answer. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}

/** How long to wait for a response, and for a connection, ms. */
const timeoutMs = { answer: 500, connection: 2_000 };

/** The pause before it is tried again, ms: after a connection that broke, and after a response that was a refusal. */
const pauses = { broken: 200, refused: 5_000 };

/** What every key begins with; the braces keep all of them in one slot of a cluster, as scripts need it. */
export const keyPrefix = '{maas-auth-proxy}:';

/**
 * Opens a shared memory; the library is loaded here, so that who has none does not pay for it. A memory that does not answer is
 * no reason not to start.
 *
 * @param url may hold a password, and is told to nobody
 * @param onChange told when it begins to answer, and when it stops, with a word why
 * @returns once it has answered, or has failed to for the first time
 */
export async function openRedisConnection(
  url: string,
  onChange: (isUp: boolean, why: string) => void,
): Promise<RedisConnection> {
  const { Redis: Client } = await import('ioredis');
  const redis = new Client(url, {
    connectionName: 'maas-auth-proxy',
    lazyConnect: true,
    connectTimeout: timeoutMs.connection,
    commandTimeout: timeoutMs.answer,
    // What hangs is let go of at once, and nothing waits for a connection or is sent twice.
    disconnectTimeout: timeoutMs.answer,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => (isRefused ? pauses.refused : pauses.broken),
  });
  let state: 'unknown' | 'up' | 'down' | 'closed' = 'unknown';
  let isRefused = false;
  let why = '';

  function change(to: 'up' | 'down'): void {
    if (state === to || state === 'closed') return;
    state = to;
    onChange(to === 'up', why);
    settle?.();
  }

  /** Answers, but with no: a wrong password, no memory left, a replica that takes no writes. */
  function fail(error: unknown): void {
    why = wordFor(error);
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

  let settle: (() => void) | undefined;
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  redis.on('error', (error: Error) => {
    why = wordFor(error);
    isRefused = isRefusal(error);
  });
  redis.on('close', () => {
    if (why === '') why = 'connection closed';
    change('down');
  });
  redis.on('ready', () => {
    // It may still take no writes.
    void probe();
  });
  redis.connect().catch(() => {});
  await settled;

  return {
    get isUp() {
      return state === 'up';
    },
    async run(question) {
      if (state !== 'up') throw new Unavailable(why);
      try {
        return await question(redis);
      } catch (error) {
        fail(error);
        throw new Unavailable(why);
      }
    },
    async close() {
      state = 'closed';
      // What was said last is still sent.
      if (redis.status === 'ready') await redis.quit().catch(() => {});
      redis.disconnect();
    },
  };
}

/** Redis's own word for a refusal (`WRONGPASS`, `OOM`, `READONLY`), or the system's for a failure; no text, which may hold more. */
function wordFor(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (isRefusal(error)) return /^[A-Z]+/.exec(error.message)?.[0] ?? 'refused';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return /timed? ?out/i.test(error.message) ? 'timeout' : 'connection closed';
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

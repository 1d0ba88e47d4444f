import { randomBytes } from 'node:crypto';
import type { Admission, Limiter, Refusal, Share } from '../limits/limiter.ts';
import { redisUnavailable, type FailureMode } from './failure-mode.ts';
import { keyPrefix, Unavailable, type RedisConnection } from './connection.ts';

/**
 * The lease of a request in flight, ms, and how often its replica renews it. Requests of a killed replica count until
 * their lease expires.
 */
const lease = { time: 30_000, renewal: 10_000 };

/**
 * The same algorithm as in the local limiter, in one atomic step, and by Redis's clock, so that the clocks of the
 * replicas do not matter.
 *
 * KEYS: for each share the key of its minute and the key of its requests in flight. ARGV: the id of this request, the
 * lease in ms, and for each share its requests a minute and its concurrent requests, 0 for no limit. Returns nothing if
 * the request is admitted; else the number of the share, which limit was reached (1: a minute, 2: concurrent), and the
 * ms to wait.
 */
const admitScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local until_ = {}
for i = 1, #KEYS / 2 do
  local minute, under_way = KEYS[2 * i - 1], KEYS[2 * i]
  local per_minute, at_once = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  if at_once > 0 then
    redis.call('ZREMRANGEBYSCORE', under_way, '-inf', now)
    if redis.call('ZCARD', under_way) >= at_once then return {i, 2, '0'} end
  end
  if per_minute > 0 then
    until_[i] = math.max(tonumber(redis.call('GET', minute) or 0), now)
    local wait = until_[i] - now - (60000 - 60000 / per_minute)
    if wait > 0.01 then return {i, 1, string.format('%.3f', wait)} end
  end
end
for i = 1, #KEYS / 2 do
  local minute, under_way = KEYS[2 * i - 1], KEYS[2 * i]
  local per_minute, at_once = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  if at_once > 0 then
    redis.call('ZADD', under_way, now + ARGV[2], ARGV[1])
    redis.call('PEXPIRE', under_way, ARGV[2])
  end
  if per_minute > 0 then
    local used = until_[i] + 60000 / per_minute
    redis.call('SET', minute, string.format('%.3f', used), 'PX', math.ceil(used - now))
  end
end
return {}
`;

/** KEYS: the requests in flight of shares. ARGV: the lease in ms, and for each key the id of a request in flight. */
const renewScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, 'XX', now + ARGV[1], ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
return #KEYS
`;

/** A limiter for all replicas together. @param localLimiter limits while Redis does not respond */
export function createRedisLimiter(
  connection: RedisConnection,
  localLimiter: Limiter,
  mode: FailureMode,
): Limiter & { close(): void } {
  const replica = randomBytes(6).toString('hex');
  /** The keys that each request in flight is counted under, by its id. */
  const inFlight = new Map<string, readonly string[]>();
  let count = 0;

  async function tryAdmit(shares: readonly Share[]): Promise<Admission | Refusal> {
    count += 1;
    const id = `${replica}:${count}`;
    const keys = shares.flatMap(({ of }) => [`${keyPrefix}minute:${of}`, inFlightKey(of)]);
    const bounds = shares.flatMap(({ perMinute, atOnce }) => [perMinute, atOnce]);
    const [index, limitIndex, wait] = (await connection.run((redis) =>
      redis.eval(admitScript, keys.length, ...keys, id, lease.time, ...bounds),
    )) as [] | [number, number, string];
    if (index !== undefined) {
      const share = shares[index - 1] as Share;
      return limitIndex === 1
        ? { share, limit: 'perMinute', wait: Number(wait) }
        : { share, limit: 'atOnce', wait: undefined };
    }
    const counting = shares.filter(({ atOnce }) => atOnce > 0).map(({ of }) => inFlightKey(of));
    if (counting.length > 0) inFlight.set(id, counting);
    return { end: () => end(id, counting) };
  }

  function end(id: string, keys: readonly string[]): void {
    if (!inFlight.delete(id)) return;
    // If this does not reach Redis, the lease expires.
    connection.run((redis) => Promise.all(keys.map((key) => redis.zrem(key, id)))).catch(() => {});
  }

  const renewal = setInterval(() => {
    const entries = [...inFlight].flatMap(([id, keys]) => keys.map((key) => [key, id] as const));
    if (entries.length === 0) return;
    const keys = entries.map(([key]) => key);
    const ids = entries.map(([, id]) => id);
    connection.run((redis) => redis.eval(renewScript, keys.length, ...keys, lease.time, ...ids)).catch(() => {});
  }, lease.renewal).unref();

  return {
    async admit(shares) {
      try {
        return await tryAdmit(shares);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        if (mode === 'open') return localLimiter.admit(shares);
        throw redisUnavailable();
      }
    },
    close: () => clearInterval(renewal),
  };
}

function inFlightKey(of: string): string {
  return `${keyPrefix}under-way:${of}`;
}

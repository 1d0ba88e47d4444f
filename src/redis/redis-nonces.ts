import { createHash } from 'node:crypto';
import type { Nonces } from '../clients/nonces.ts';
import { redisUnavailable, type FailureMode } from './failure-mode.ts';
import { keyPrefix, Unavailable, type RedisConnection } from './connection.ts';

/** For how long more than its signature can be used a nonce is remembered, s: of two replicas one's clock is behind. */
const margin = 60;

/**
 * A memory of nonces for all replicas. Each keeps its own as well: so that much is known while Redis is away.
 *
 * @param own this replica's
 */
export function createRedisNonces(memory: RedisConnection, own: Nonces, mode: FailureMode): Nonces {
  return {
    async use(id, until, now) {
      if (!(await own.use(id, until, now))) return false;
      const hash = createHash('sha256').update(id).digest('base64url').slice(0, 22);
      try {
        const ms = (until - now + margin) * 1000;
        return (await memory.run((redis) => redis.set(`${keyPrefix}nonce:${hash}`, '1', 'PX', ms, 'NX'))) === 'OK';
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        if (mode === 'open') return true;
        throw redisUnavailable();
      }
    },
  };
}

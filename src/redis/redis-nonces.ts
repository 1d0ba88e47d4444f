import { createHash } from 'node:crypto';
import type { Nonces } from '../clients/nonces.ts';
import { redisUnavailable, type FailureMode } from './failure-mode.ts';
import { keyPrefix, Unavailable, type RedisConnection } from './connection.ts';

/** A nonce is stored for this much longer than its signature is valid, s, because the clocks of replicas differ. */
const margin = 60;

/**
 * The nonces of all replicas. Each replica also stores its own nonces, for when Redis does not respond.
 *
 * @param localNonces the nonces of this replica
 */
export function createRedisNonces(connection: RedisConnection, localNonces: Nonces, mode: FailureMode): Nonces {
  return {
    async use(id, until, now) {
      if (!(await localNonces.use(id, until, now))) return false;
      const hash = createHash('sha256').update(id).digest('base64url').slice(0, 22);
      try {
        const ms = (until - now + margin) * 1000;
        return (await connection.run((redis) => redis.set(`${keyPrefix}nonce:${hash}`, '1', 'PX', ms, 'NX'))) === 'OK';
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        if (mode === 'open') return true;
        throw redisUnavailable();
      }
    },
  };
}

import type { Logger } from 'pino';
import { createNonces, type Nonces } from '../clients/nonces.ts';
import type { RedisUrl } from '../config/values.ts';
import type { Limiter } from '../limits/limiter.ts';
import { createLimiter } from '../limits/own-limiter.ts';
import type { FailureMode } from './failure-mode.ts';
import { shareLimits } from './shared-limiter.ts';
import { openSharedMemory } from './shared-memory.ts';
import { shareNonces } from './shared-nonces.ts';

/** What must be known of requests that came before: by this replica alone, or by all together. */
export interface Sharing {
  readonly nonces: Nonces;
  readonly limiter: Limiter;
  /** Whether Redis answers; `undefined` where there is none. */
  readonly isRedisUp: (() => boolean) | undefined;
  close(): Promise<void>;
}

/** Opens it. @param url of the Redis that all replicas have in common */
export async function openSharing(url: RedisUrl | undefined, mode: FailureMode, log: Logger): Promise<Sharing> {
  const own = { nonces: createNonces(), limiter: createLimiter() };
  if (url === undefined) return { ...own, isRedisUp: undefined, close: () => Promise.resolve() };
  const memory = await openSharedMemory(url.reveal(), (isUp, why) => {
    if (isUp) log.info('Redis answers: limits and used signatures are those of all replicas together.');
    else log.warn({ cause: why }, `Redis does not answer (${why}): ${meanwhile[mode]}`);
  });
  const limiter = shareLimits(memory, own.limiter, mode);
  return {
    nonces: shareNonces(memory, own.nonces, mode),
    limiter,
    isRedisUp: () => memory.isUp,
    close() {
      limiter.close();
      return memory.close();
    },
  };
}

const meanwhile: Readonly<Record<FailureMode, string>> = {
  open: 'until it does, each replica goes by its own limits and by the signatures that it has seen itself (REDIS_FAILURE=open).',
  closed: 'until it does, signed requests and those that have a limit are refused with 503 (REDIS_FAILURE=closed).',
};

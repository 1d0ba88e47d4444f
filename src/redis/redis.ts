import type { Logger } from 'pino';
import { createNonces, type Nonces } from '../clients/nonces.ts';
import type { RedisUrl } from '../config/values.ts';
import type { Limiter } from '../limits/limiter.ts';
import { createLocalLimiter } from '../limits/local-limiter.ts';
import type { FailureMode } from './failure-mode.ts';
import { createRedisLimiter } from './redis-limiter.ts';
import { openRedisConnection } from './connection.ts';
import { createRedisNonces } from './redis-nonces.ts';

/** What must be known of requests that came before: by this replica alone, or by all together. */
export interface ReplicaState {
  readonly nonces: Nonces;
  readonly limiter: Limiter;
  /** Whether Redis answers; `undefined` where there is none. */
  readonly isRedisUp: (() => boolean) | undefined;
  close(): Promise<void>;
}

/** Opens it. @param url of the Redis that all replicas have in common */
export async function openReplicaState(
  url: RedisUrl | undefined,
  mode: FailureMode,
  log: Logger,
): Promise<ReplicaState> {
  const own = { nonces: createNonces(), limiter: createLocalLimiter() };
  if (url === undefined) return { ...own, isRedisUp: undefined, close: () => Promise.resolve() };
  const memory = await openRedisConnection(url.reveal(), (isUp, why) => {
    if (isUp) log.info('Redis answers: limits and used signatures are those of all replicas together.');
    else log.warn({ cause: why }, `Redis does not answer (${why}): ${meanwhile[mode]}`);
  });
  const limiter = createRedisLimiter(memory, own.limiter, mode);
  return {
    nonces: createRedisNonces(memory, own.nonces, mode),
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

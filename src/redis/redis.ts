import type { Logger } from 'pino';
import { createNonces, type Nonces } from '../clients/nonces.ts';
import type { RedisUrl } from '../config/values.ts';
import type { Limiter } from '../limits/limiter.ts';
import { createLocalLimiter } from '../limits/local-limiter.ts';
import type { FailureMode } from './failure-mode.ts';
import { createRedisLimiter } from './redis-limiter.ts';
import { openRedisConnection } from './connection.ts';
import { createRedisNonces } from './redis-nonces.ts';

/** The state of earlier requests: of this replica alone, or of all replicas. */
export interface ReplicaState {
  readonly nonces: Nonces;
  readonly limiter: Limiter;
  /** Whether Redis responds; `undefined` if none is configured. */
  readonly isRedisUp: (() => boolean) | undefined;
  close(): Promise<void>;
}

/** Opens the replica state. @param url of the Redis that all replicas share */
export async function openReplicaState(
  url: RedisUrl | undefined,
  mode: FailureMode,
  log: Logger,
): Promise<ReplicaState> {
  const local = { nonces: createNonces(), limiter: createLocalLimiter() };
  if (url === undefined) return { ...local, isRedisUp: undefined, close: () => Promise.resolve() };
  const connection = await openRedisConnection(url.reveal(), (isUp, why) => {
    if (isUp) log.info('Redis answers: limits and used signatures are those of all replicas together.');
    else log.warn({ cause: why }, `Redis does not answer (${why}): ${meanwhile[mode]}`);
  });
  const limiter = createRedisLimiter(connection, local.limiter, mode);
  return {
    nonces: createRedisNonces(connection, local.nonces, mode),
    limiter,
    isRedisUp: () => connection.isUp,
    close() {
      limiter.close();
      return connection.close();
    },
  };
}

const meanwhile: Readonly<Record<FailureMode, string>> = {
  open: 'until it does, each replica applies its limits alone and knows only the signatures that it has seen itself (REDIS_FAILURE=open).',
  closed: 'until it does, signed requests and those that have a limit are refused with 503 (REDIS_FAILURE=closed).',
};

import { Problem } from '../problem.ts';

/** What is done while the shared memory does not answer: go by this replica's own (`open`), or refuse (`closed`). */
export type FailureMode = 'open' | 'closed';

/** After how many seconds a refused request should come again. */
const retryAfter = 5;

/** What a request is told that needs the shared memory. */
export function redisUnavailable(): Problem {
  return new Problem(
    'redis-away',
    'The gateway cannot ask its Redis whether this request is within its limits, or was sent before. It has not been sent to MAAS; send it again in a while.',
    { retryAfter },
  );
}

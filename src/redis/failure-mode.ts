import { Problem } from '../problem.ts';

/** While Redis does not respond: use this replica's own limits and nonces (`open`), or refuse requests (`closed`). */
export type FailureMode = 'open' | 'closed';

/** After how many seconds a client should repeat a refused request. */
const retryAfter = 5;

/** The problem of a request that needs Redis while Redis does not respond. */
export function redisUnavailable(): Problem {
  return new Problem(
    'redis-away',
    "The gateway's Redis does not respond, so the gateway cannot check the limits and the nonce of this request. The request has not been sent to MAAS; send it again in a while.",
    { retryAfter },
  );
}

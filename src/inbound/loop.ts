import type { Exchange } from '../exchange.ts';
import { hasPassed, loopDetected } from '../upstream/loop.ts';

/** Has this very proxy sent the request? It would loop until no slot is left, or wait for itself. */
export function createLoopCheck(pseudonym: string): (exchange: Exchange) => void {
  return ({ request }) => {
    if (hasPassed(request.headers.via, pseudonym)) throw loopDetected();
  };
}

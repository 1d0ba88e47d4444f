import type { Exchange } from '../exchange.ts';
import { hasPassed, loopDetected } from '../upstream/loop.ts';

/** Has this very proxy sent the request? It would go round until nobody has a slot left, or wait for itself. */
export function createLoopCheck(pseudonym: string): (exchange: Exchange) => void {
  return ({ request }) => {
    if (hasPassed(request.headers.via, pseudonym)) throw loopDetected();
  };
}

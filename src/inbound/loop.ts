import type { Step } from '../exchange.ts';
import { hasPassed, loopDetected } from '../upstream/loop.ts';

/** Has this very proxy sent the request? It would go round until nobody has a place left, or wait for itself. */
export function loop(pseudonym: string): Step {
  return ({ request }) => {
    if (hasPassed(request.headers.via, pseudonym)) throw loopDetected();
  };
}

import type { Dispatcher } from 'undici';
import type { Signer } from '../maas/signature.ts';
import { kindOf } from '../policy/kind.ts';
import type { Sending } from './attempt.ts';
import { Flight, type FlightPlan } from './flight.ts';
import type { Lines } from './lines.ts';
import { readQuestion } from './question.ts';
import { Write } from './write.ts';

/** How answers are given to more than one. */
export interface ReuseOptions {
  /** Which reads may have one answer between them. */
  readonly lines: Lines;
  /** The signer of those who have no key of their own. */
  readonly shared: () => Signer;
}

/**
 * After how many flights their map is made anew. V8 gives a Map that changes a new table now and then, to which the old one
 * points; once an old one is in the old generation, every flight that comes after is taken there too, with all that hangs
 * on it, and the garbage collector works five times as much.
 */
const freshenAfter = 64;

/**
 * Joins identical reads: what many ask at the same time, MAAS is asked once. It stands above all other links, behind the policy.
 *
 * undici's `deduplicate` was looked at and not taken: it knows no writes, so that a read could be answered with what MAAS was
 * before; the first request's client takes the others with it when it leaves, and holds them up when it is slow; it cuts a
 * slow follower off above a size; and to keep secrets apart it would need the signature, which is made below it.
 */
export function reuse({ lines, shared }: ReuseOptions): Dispatcher.DispatcherComposeInterceptor {
  let flights = new Map<string, Flight>();
  let landed = 0;
  const hold = { bytes: 0 };
  return (dispatch) => {
    const plan: FlightPlan = {
      dispatch,
      hold,
      onClosed(flight) {
        if (flights.get(flight.text) !== flight) return;
        flights.delete(flight.text);
        landed += 1;
        if (landed % freshenAfter === 0) flights = new Map(flights);
      },
    };
    return (options, handler) => {
      const { exchange } = options as Sending;
      if (exchange?.apiPath === undefined) return dispatch(options, handler);
      const kind = kindOf(exchange.method, exchange.apiPath);
      if (kind === 'change') return dispatch(options, new Write(handler, lines));
      const question = kind === 'plain' ? readQuestion(options, exchange.client?.signer ?? shared()) : undefined;
      if (question === undefined) return dispatch(options, handler);

      const { text, isAnew } = question;
      const underWay = isAnew ? undefined : flights.get(text);
      if (underWay?.line === lines.count) {
        underWay.join({ options, handler });
        return true;
      }
      const flight = new Flight(plan, text, lines.count, { options, handler });
      flights.set(text, flight);
      return flight.begin();
    };
  };
}

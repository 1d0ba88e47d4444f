import type { Dispatcher } from 'undici';
import type { Signer } from '../maas/signature.ts';
import { kindOf } from '../policy/kind.ts';
import type { Sending } from './attempt.ts';
import { Flight, type FlightPlan, type Hold, type Rider } from './flight.ts';
import type { Lines } from './lines.ts';
import type { Found, Memory } from './memory.ts';
import { readQuestion } from './question.ts';
import { mayBeKept, unlessMatched } from './validation.ts';
import { rawFields, replay } from './whole-answer.ts';
import { Write } from './write.ts';

/** How answers are given to more than one. */
export interface ReuseOptions {
  /** Which reads may have one answer between them. */
  readonly lines: Lines;
  /** The signer of those who have no key of their own. */
  readonly shared: () => Signer;
  /** Whether a read may join another that is under way. */
  readonly joins: boolean;
  /** Where answers are kept for later; `undefined` for nowhere. */
  readonly memory: Memory | undefined;
  /** How much all answers together may hold that are being given to several, bytes. */
  readonly maxHeld: number;
}

/**
 * After how many flights their map is made anew. V8 gives a Map that changes a new table now and then, to which the old one
 * points; once an old one is in the old generation, every flight that comes after is taken there too, with all that hangs
 * on it, and the garbage collector works five times as much.
 */
const freshenAfter = 64;

/**
 * Joins identical reads: what many ask at the same time, MAAS is asked once; and answers from memory what was asked a moment
 * ago. It stands above all other links, behind the policy.
 *
 * undici's `deduplicate` was looked at and not taken: it knows no writes, so that a read could be answered with what MAAS was
 * before; the first request's client takes the others with it when it leaves, and holds them up when it is slow; it cuts a
 * slow follower off above a size; and to keep secrets apart it would need the signature, which is made below it.
 */
export function reuse({
  lines,
  shared,
  joins,
  memory,
  maxHeld,
}: ReuseOptions): Dispatcher.DispatcherComposeInterceptor {
  let flights = new Map<string, Flight>();
  let landed = 0;
  const hold = { bytes: 0, room: maxHeld };
  const onWhole: FlightPlan['onWhole'] =
    memory &&
    (({ text, line, askedAt }, answer) => {
      if (line === lines.count && lines.isQuiet && mayBeKept(answer)) memory.keep(text, line, answer, askedAt);
    });
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
      onWhole,
    };
    return (options, handler) => {
      const { exchange } = options as Sending;
      if (exchange?.apiPath === undefined) return dispatch(options, handler);
      const kind = (exchange.kind ??= kindOf(exchange.method, exchange.apiPath));
      if (kind === 'change') return dispatch(options, new Write(handler, lines));
      const signer = exchange.isUnsigned ? undefined : (exchange.client?.signer ?? shared());
      const question = kind === 'plain' ? readQuestion(options, signer, memory !== undefined) : undefined;
      if (question === undefined) return dispatch(options, handler);

      const { text, maxAge, ifNoneMatch } = question;
      const rider: Rider = { options, handler, ifNoneMatch };
      const found = maxAge === 0 ? undefined : memory?.find(text, lines.count, maxAge);
      if (found !== undefined && giveKept(found, rider, hold)) return true;
      const underWay = maxAge === 0 || !joins ? undefined : flights.get(text);
      if (underWay?.line === lines.count) {
        underWay.join(rider);
        return true;
      }
      const flight = new Flight(plan, text, lines.count, rider);
      flights.set(text, flight);
      return flight.begin();
    };
  };
}

/** @returns whether there was room for it */
function giveKept({ kept, age, left }: Found, { options, handler, ifNoneMatch }: Rider, hold: Hold): boolean {
  const { answer } = kept;
  if (kept.readers === 0) {
    if (hold.bytes + answer.body.length > hold.room) return false;
    hold.bytes += answer.body.length;
  }
  kept.readers += 1;
  const { exchange } = options as Sending;
  if (exchange !== undefined) {
    exchange.reuse = 'hit';
    exchange.region = answer.region;
  }
  const fields = rawFields({ Age: String(age), 'Cache-Status': `maas-auth-proxy; hit; ttl=${left}` });
  replay(unlessMatched({ ...answer, rawHeaders: [...answer.rawHeaders, ...fields] }, ifNoneMatch), handler, () => {
    kept.readers -= 1;
    if (kept.readers === 0) hold.bytes -= answer.body.length;
  });
  return true;
}

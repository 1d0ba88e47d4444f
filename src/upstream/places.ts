import { emptyWaiting, sizeOf, type Waiting } from './waiting.ts';

/** A request that wants a place at MAAS. */
export interface Guest {
  /** Whose it is: the line is fair between clients. */
  readonly client: string;
  /** It may keep its place for long. */
  readonly isLong: boolean;
  /** The place is there. */
  start(seat: Seat): void;
  /**
   * How much of its body has come from its client, bytes; `undefined` where nothing more of it is waited for. Not asked for where
   * it is missing.
   */
  arrived?(): number | undefined;
  /** Its body comes so slowly that others shall have the place: it ends, and leaves. */
  stall?(): void;
  /** There will be none: too many wait (`full`), or it has waited for too long (`waited`). */
  refuse(why: 'full' | 'waited'): void;
}

/** A place at MAAS, or in the line for one. */
export interface Seat {
  readonly guest: Guest;
  /** In whose turns it waits. */
  turns: readonly Waiting[];
  /** Rises from guest to guest. */
  readonly order: number;
  state: 'waiting' | 'running' | 'over';
  /** `performance.now()` when it came into this state, ms. */
  since: number;
  /** Where it stands among those that run. */
  at: number;
  /** `performance.now()` when MAAS's answer began, ms; `undefined` before. */
  answeredAt: number | undefined;
  /** How much of its body had come at a look, while others waited: bytes, and `performance.now()`. */
  progress: { readonly bytes: number; readonly at: number } | undefined;
}

/** Who is at MAAS and who waits: what metrics show. */
export interface PlacesState {
  /** How many requests are at MAAS. */
  readonly running: number;
  /** How many wait for a place. */
  readonly waiting: number;
}

/** The line in front of MAAS. */
export interface Places extends PlacesState {
  /** Lets a guest in, or has it wait; `start` or `refuse` may be called before this returns. */
  enter(guest: Guest): Seat;
  /** Has a guest that waits do so in the turns of a further client too, who wants the same answer. */
  waitFor(seat: Seat, client: string): void;
  /** Gives a place up, or leaves the line. Twice does no harm. */
  leave(seat: Seat): void;
}

/** The bounds of a line; all but `atOnce` have defaults. */
export interface PlacesOptions {
  /** How many may be at MAAS at once. */
  readonly atOnce: number;
  /** How many may wait. */
  readonly maxWaiting?: number;
  /** How long one may wait, ms. */
  readonly patience?: number;
  /** A request that has been at MAAS for longer counts among the long ones, ms. */
  readonly longAfter?: number;
  /** How long after its beginning an answer still holds a place, ms. */
  readonly transfer?: number;
  /** A request whose body comes more slowly than so many bytes a second over so many ms, while others wait, loses its place. */
  readonly slowest?: { readonly bytesPerSecond: number; readonly over: number };
  /** How often a line in which somebody waits is looked at for those whose time is over, ms. */
  readonly tick?: number;
}

/** The part of the places that long requests may hold; the rest is kept for short reads. */
const longShare = 3 / 4;

/**
 * Makes a line: so many at MAAS at once, and the rest wait, one client after the other, whoever sends how much. Long
 * requests never hold all places.
 *
 * A place stands for one of MAAS's workers. MAAS makes an answer whole before it sends it, and its web server takes it off
 * the worker, so a client that reads slowly keeps no place: it is given up a while after the answer has begun.
 */
export function createPlaces(options: PlacesOptions): Places {
  const { atOnce, maxWaiting = 1_000, patience = 60_000, longAfter = 5_000, transfer = 5_000, tick = 1_000 } = options;
  const { slowest = { bytesPerSecond: 1024, over: 10_000 } } = options;
  const maxLong = Math.max(1, Math.floor(atOnce * longShare));
  const running: Seat[] = [];
  /** Also of those who wait for nothing any more, until the line is looked at. */
  const clients = new Map<string, Waiting>();
  /** Those who wait, in the order of their turns. */
  const turns: Waiting[] = [];
  const count = { short: 0, long: 0 };
  let order = 0;
  let isAdvancing = false;
  let timer: NodeJS.Timeout | undefined;

  function enter(guest: Guest): Seat {
    order += 1;
    const seat: Seat = {
      guest,
      turns: [],
      order,
      state: 'waiting',
      since: performance.now(),
      at: 0,
      answeredAt: undefined,
      progress: undefined,
    };
    if (isFree(guest)) {
      run(seat);
      return seat;
    }
    count[lengthOf(seat)] += 1;
    waitFor(seat, guest.client);
    timer ??= setInterval(look, tick).unref();
    advance();
    if (seat.state !== 'waiting') return seat;
    if (count.short + count.long > maxWaiting) refuse(newest(longest()), 'full');
    return seat;
  }

  /** Whether a guest need not even stand in line. */
  function isFree(guest: Guest): boolean {
    if (isAdvancing || count.short + count.long > 0 || running.length >= atOnce) return false;
    return !guest.isLong || longRunning() < maxLong;
  }

  function run(seat: Seat): void {
    seat.state = 'running';
    seat.since = performance.now();
    seat.at = running.length;
    running.push(seat);
    seat.guest.start(seat);
  }

  function waitFor(seat: Seat, client: string): void {
    if (seat.state !== 'waiting' || seat.turns.some((own) => own.client === client)) return;
    let own = clients.get(client);
    if (own === undefined) {
      own = emptyWaiting(client);
      clients.set(client, own);
    }
    if (sizeOf(own) === 0) turns.push(own);
    own[lengthOf(seat)].add(seat);
    seat.turns = [...seat.turns, own];
  }

  function leave(seat: Seat): void {
    if (seat.state === 'waiting') stepOut(seat, 'over');
    else if (seat.state === 'running') giveUp(seat);
    if (turns.length > 0) advance();
  }

  function giveUp(seat: Seat): void {
    seat.state = 'over';
    const last = running.pop();
    if (last === undefined || last === seat) return;
    running[seat.at] = last;
    last.at = seat.at;
  }

  /** Gives free places away. A guest that fails at once calls `leave` in here, and the loop sees to that place too. */
  function advance(): void {
    if (isAdvancing) return;
    isAdvancing = true;
    try {
      for (let seat = next(); seat !== undefined; seat = next()) {
        stepOut(seat, 'running');
        run(seat);
      }
    } finally {
      // Whatever one guest does, the line must not stand still for all.
      isAdvancing = false;
    }
  }

  /** The first that may go: of the first client that has one, the one that came first. Whose turn it was is the last now. */
  function next(): Seat | undefined {
    if (running.length >= atOnce || turns.length === 0) return undefined;
    const mayBeLong = count.long > 0 && longRunning() < maxLong;
    if (!mayBeLong && count.short === 0) return undefined;
    for (const [index, own] of turns.entries()) {
      const short = own.short.first();
      const long = mayBeLong ? own.long.first() : undefined;
      const seat = long !== undefined && (short === undefined || long.order < short.order) ? long : short;
      if (seat === undefined) continue;
      if (index < turns.length - 1) {
        turns.splice(index, 1);
        turns.push(own);
      }
      return seat;
    }
    return undefined;
  }

  function longRunning(): number {
    const before = performance.now() - longAfter;
    let long = 0;
    for (const { guest, since } of running) if (guest.isLong || since < before) long += 1;
    return long;
  }

  /** Takes a seat that waits out of all turns. */
  function stepOut(seat: Seat, into: 'running' | 'over'): void {
    const length = lengthOf(seat);
    count[length] -= 1;
    seat.state = into;
    for (const own of seat.turns) {
      own[length].drop(seat);
      if (sizeOf(own) === 0) turns.splice(turns.indexOf(own), 1);
    }
    seat.turns = [];
  }

  function refuse(seat: Seat, why: 'full' | 'waited'): void {
    stepOut(seat, 'over');
    seat.guest.refuse(why);
  }

  /** The client of which most wait: a flood costs its own sender, and nobody else. */
  function longest(): Waiting {
    return turns.reduce((most, own) => (sizeOf(own) > sizeOf(most) ? own : most));
  }

  /** Ends what has taken its time, while somebody waits. */
  function look(): void {
    const now = performance.now();
    const sent = running.filter(({ answeredAt }) => answeredAt !== undefined && now - answeredAt > transfer);
    for (const seat of sent) leave(seat);
    for (const seat of running.filter((one) => isTooSlow(one, now))) seat.guest.stall?.();
    const waited = turns.flatMap(({ short, long }) => [...short.all(), ...long.all()]);
    for (const seat of waited) if (seat.state === 'waiting' && now - seat.since > patience) refuse(seat, 'waited');
    for (const own of clients.values()) if (sizeOf(own) === 0) clients.delete(own.client);
    if (turns.length > 0) return;
    for (const seat of running) seat.progress = undefined;
    clearInterval(timer);
    timer = undefined;
  }

  /** Whether too little of a guest's body has come, since others wait or it was last found to have come fast enough. */
  function isTooSlow(seat: Seat, now: number): boolean {
    const bytes = seat.guest.arrived?.();
    const before = seat.progress;
    if (bytes === undefined || before === undefined) {
      seat.progress = bytes === undefined ? undefined : { bytes, at: now };
      return false;
    }
    if (now - before.at < slowest.over) return false;
    seat.progress = { bytes, at: now };
    return bytes - before.bytes < (slowest.bytesPerSecond * (now - before.at)) / 1000;
  }

  return {
    enter,
    waitFor,
    leave,
    get running() {
      return running.length;
    },
    get waiting() {
      return count.short + count.long;
    },
  };
}

function lengthOf({ guest }: Seat): 'short' | 'long' {
  return guest.isLong ? 'long' : 'short';
}

/** The last that came, of those that nobody else waits for if there are any. */
function newest({ short, long }: Waiting): Seat {
  const all = [...short.all(), ...long.all()];
  const single = all.filter(({ turns }) => turns.length === 1);
  return (single.length > 0 ? single : all).reduce((latest, seat) => (seat.order > latest.order ? seat : latest));
}

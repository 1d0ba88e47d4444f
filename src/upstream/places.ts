/** A request that wants a place at MAAS. */
export interface Guest {
  /** Whose it is: the line is fair between clients. */
  readonly client: string;
  /** It may keep its place for long. */
  readonly isLong: boolean;
  /** The place is there. */
  start(seat: Seat): void;
  /** There will be none: too many wait (`full`), or it has waited for too long (`waited`). */
  refuse(why: 'full' | 'waited'): void;
}

/** A place at MAAS, or in the line for one. */
export interface Seat {
  readonly guest: Guest;
  /** In whose turns it waits. */
  readonly clients: Set<string>;
  /** Rises from guest to guest. */
  readonly order: number;
  state: 'waiting' | 'running' | 'over';
  /** `performance.now()` when it came into this state, ms. */
  since: number;
  /** `performance.now()` when MAAS's answer began, ms; `undefined` before. */
  answeredAt: number | undefined;
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
  /** How often a line in which somebody waits is looked at for those whose time is over, ms. */
  readonly tick?: number;
}

/** The part of the places that long requests may hold; the rest is kept for short reads. */
const longShare = 3 / 4;

/** The requests of one client that wait, each list in the order in which they came. */
interface Waiting {
  readonly short: Set<Seat>;
  readonly long: Set<Seat>;
}

/**
 * Makes a line: so many at MAAS at once, and the rest wait, one client after the other, whoever sends how much. Long
 * requests never hold all places.
 *
 * A place stands for one of MAAS's workers. MAAS makes an answer whole before it sends it, and its web server takes it off
 * the worker, so a client that reads slowly keeps no place: it is given up a while after the answer has begun.
 */
export function createPlaces(options: PlacesOptions): Places {
  const { atOnce, maxWaiting = 1_000, patience = 60_000, longAfter = 5_000, transfer = 5_000, tick = 1_000 } = options;
  const maxLong = Math.max(1, Math.floor(atOnce * longShare));
  /** No Set: V8 leaves the old tables of one that changes all the time behind, with all that once stood in them (see reuse.ts). */
  const running: Seat[] = [];
  /** By client, in the order of their turns. */
  const clients = new Map<string, Waiting>();
  const count = { short: 0, long: 0 };
  let order = 0;
  let isAdvancing = false;
  let timer: NodeJS.Timeout | undefined;

  function enter(guest: Guest): Seat {
    order += 1;
    const seat: Seat = {
      guest,
      clients: new Set(),
      order,
      state: 'waiting',
      since: performance.now(),
      answeredAt: undefined,
    };
    if (isFree(guest)) {
      run(seat);
      return seat;
    }
    count[lengthOf(seat)] += 1;
    waitFor(seat, guest.client);
    advance();
    if (seat.state !== 'waiting') return seat;
    timer ??= setInterval(look, tick).unref();
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
    running.push(seat);
    seat.guest.start(seat);
  }

  function waitFor(seat: Seat, client: string): void {
    if (seat.state !== 'waiting' || seat.clients.has(client)) return;
    seat.clients.add(client);
    const own = clients.get(client) ?? { short: new Set(), long: new Set() };
    own[lengthOf(seat)].add(seat);
    clients.set(client, own);
  }

  function leave(seat: Seat): void {
    if (seat.state === 'waiting') stepOut(seat);
    const at = running.indexOf(seat);
    if (at !== -1) running.splice(at, 1);
    seat.state = 'over';
    advance();
  }

  /** Gives free places away. A guest that fails at once calls `leave` in here, and the loop sees to that place too. */
  function advance(): void {
    if (isAdvancing) return;
    isAdvancing = true;
    try {
      for (let turn = next(); turn !== undefined; turn = next()) {
        const [client, seat] = turn;
        stepOut(seat);
        // Whose turn it was is the last now.
        const own = clients.get(client);
        if (own !== undefined && clients.delete(client)) clients.set(client, own);
        run(seat);
      }
    } finally {
      // Whatever one guest does, the line must not stand still for all.
      isAdvancing = false;
    }
  }

  /** The first that may go, and whose turn it is: of the first client that has one, the one that came first. */
  function next(): readonly [client: string, seat: Seat] | undefined {
    if (running.length >= atOnce) return undefined;
    const mayBeLong = count.long > 0 && longRunning() < maxLong;
    if (!mayBeLong && count.short === 0) return undefined;
    for (const [client, { short, long }] of clients) {
      const [first] = short;
      const [firstLong] = mayBeLong ? long : [];
      if (firstLong !== undefined && (first === undefined || firstLong.order < first.order)) return [client, firstLong];
      if (first !== undefined) return [client, first];
    }
    return undefined;
  }

  function longRunning(): number {
    const before = performance.now() - longAfter;
    let long = 0;
    for (const { guest, since } of running) if (guest.isLong || since < before) long += 1;
    return long;
  }

  function stepOut(seat: Seat): void {
    count[lengthOf(seat)] -= 1;
    for (const client of seat.clients) {
      const own = clients.get(client);
      own?.[lengthOf(seat)].delete(seat);
      if (own !== undefined && own.short.size + own.long.size === 0) clients.delete(client);
    }
  }

  function refuse(seat: Seat, why: 'full' | 'waited'): void {
    stepOut(seat);
    seat.state = 'over';
    seat.guest.refuse(why);
  }

  /** The client of which most wait: a flood costs its own sender, and nobody else. */
  function longest(): Waiting {
    let found: Waiting = { short: new Set(), long: new Set() };
    for (const own of clients.values()) {
      if (own.short.size + own.long.size > found.short.size + found.long.size) found = own;
    }
    return found;
  }

  /** Ends what has taken its time, while somebody waits. */
  function look(): void {
    const now = performance.now();
    const sent = running.filter(({ answeredAt }) => answeredAt !== undefined && now - answeredAt > transfer);
    for (const seat of sent) leave(seat);
    for (const { short, long } of clients.values()) {
      for (const seat of [...short, ...long]) {
        if (seat.state === 'waiting' && now - seat.since > patience) refuse(seat, 'waited');
      }
    }
    if (clients.size > 0) return;
    clearInterval(timer);
    timer = undefined;
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
  const all = [...short, ...long];
  const single = all.filter(({ clients }) => clients.size === 1);
  return (single.length > 0 ? single : all).reduce((latest, seat) => (seat.order > latest.order ? seat : latest));
}

import { emptyClientQueue, sizeOf, type ClientQueue } from './waiters.ts';

/** A request that wants a place at MAAS. */
export interface Waiter {
  /** Whose it is: the line is fair between clients. */
  readonly client: string;
  /** It may keep its place for long. */
  readonly isLong: boolean;
  /** The place is there. */
  onAcquired(slot: Slot): void;
  /**
   * How much of its body has come from its client, bytes; `undefined` where nothing more of it is waited for. Not asked for where
   * it is missing.
   */
  arrived?(): number | undefined;
  /** Whether more of its body is to come from its client, however fast. Missing where there is none to come. */
  isArriving?(): boolean;
  /** Its body comes so slowly that others shall have the place: it ends, and leaves. */
  stall?(): void;
  /** There will be none: too many wait (`full`), or it has waited for too long (`waited`). */
  onRejected(why: 'full' | 'waited'): void;
}

/** A place at MAAS, or in the line for one. */
export interface Slot {
  readonly waiter: Waiter;
  /** In whose turns it waits. */
  queues: readonly ClientQueue[];
  /** Rises from guest to guest. */
  readonly order: number;
  state: 'waiting' | 'running' | 'over';
  /** `performance.now()` when it came into this state, ms. */
  since: number;
  /** Where it stands among those that run. */
  at: number;
  /** `performance.now()` when MAAS's response began, ms; `undefined` before. */
  responseStartedAt: number | undefined;
  /** How much of its body had come at a look, while others waited: bytes, and `performance.now()`. */
  progress: { readonly bytes: number; readonly at: number } | undefined;
}

/** Who is at MAAS and who waits: what metrics show. */
export interface QueueState {
  /** How many requests are at MAAS. */
  readonly inFlight: number;
  /** How many wait for a place. */
  readonly queued: number;
}

/** The line in front of MAAS. */
export interface ConcurrencyLimiter extends QueueState {
  /** Lets a guest in, or has it wait; `start` or `refuse` may be called before this returns. */
  acquire(waiter: Waiter): Slot;
  /** Has a guest that waits do so in the turns of a further client too, who wants the same response. */
  alsoWaitFor(slot: Slot, client: string): void;
  /** Gives a place up, or leaves the line. Twice does no harm. */
  release(slot: Slot): void;
}

/** The bounds of a line; all but `atOnce` have defaults. */
export interface ConcurrencyLimiterOptions {
  /** How many may be at MAAS at once. */
  readonly maxConcurrent: number;
  /** How many may wait. */
  readonly maxQueued?: number;
  /** How long one may wait, ms. */
  readonly queueTimeoutMs?: number;
  /** A request that has been at MAAS for longer counts among the long ones, ms. */
  readonly longAfterMs?: number;
  /** How long after its beginning a response still holds a place, ms. */
  readonly transferMs?: number;
  /** A request whose body comes more slowly than so many bytes a second over so many ms, while others wait, loses its place. */
  readonly slowest?: { readonly bytesPerSecond: number; readonly over: number };
  /** How often a line in which somebody waits is looked at for those whose time is over, ms. */
  readonly tickMs?: number;
}

/** The part of the places that long requests may hold; the rest is kept for short reads. */
const longShare = 3 / 4;

/**
 * The part of the slots for long requests that one client may hold by requests whose bodies are still to come: whoever
 * sends slowly, and comes again whenever it is sent away, must leave slots to the writes of others.
 */
const arrivingShare = 1 / 2;

/**
 * Makes a line: so many at MAAS at once, and the rest wait, one client after the other, whoever sends how much. Long
 * requests never hold all places.
 *
 * A place stands for one of MAAS's workers. MAAS makes a response whole before it sends it, and its web server takes it off
 * the worker, so a client that reads slowly keeps no place: it is given up a while after the response has begun.
 */
export function createConcurrencyLimiter(options: ConcurrencyLimiterOptions): ConcurrencyLimiter {
  const {
    maxConcurrent,
    maxQueued = 1_000,
    queueTimeoutMs = 60_000,
    longAfterMs = 5_000,
    transferMs = 5_000,
    tickMs = 1_000,
  } = options;
  const { slowest = { bytesPerSecond: 1024, over: 10_000 } } = options;
  const maxLong = Math.max(1, Math.floor(maxConcurrent * longShare));
  const maxArriving = Math.max(1, Math.floor(maxLong * arrivingShare));
  const running: Slot[] = [];
  /** Also of those who wait for nothing any more, until the line is looked at. */
  const clients = new Map<string, ClientQueue>();
  /** Those who wait, in the order of their turns. */
  const queues: ClientQueue[] = [];
  const count = { short: 0, long: 0 };
  let order = 0;
  let isAdvancing = false;
  let timer: NodeJS.Timeout | undefined;

  function acquire(waiter: Waiter): Slot {
    order += 1;
    const slot: Slot = {
      waiter,
      queues: [],
      order,
      state: 'waiting',
      since: performance.now(),
      at: 0,
      responseStartedAt: undefined,
      progress: undefined,
    };
    if (isFree(waiter)) {
      run(slot);
      return slot;
    }
    count[lengthOf(slot)] += 1;
    enqueue(slot, waiter.client);
    timer ??= setInterval(checkTimeouts, tickMs).unref();
    advance();
    if (slot.state !== 'waiting') return slot;
    if (count.short + count.long > maxQueued) reject(newest(longest()), 'full');
    return slot;
  }

  /** Whether a guest need not even stand in line. */
  function isFree(waiter: Waiter): boolean {
    if (isAdvancing || count.short + count.long > 0 || running.length >= maxConcurrent) return false;
    return !waiter.isLong || (longRunning() < maxLong && mayArrive(waiter));
  }

  /** Whether a client may hold one slot more for a request whose body is still to come. */
  function mayArrive(waiter: Waiter): boolean {
    if (waiter.isArriving?.() !== true) return true;
    let arriving = 0;
    for (const slot of running) {
      if (slot.waiter.client === waiter.client && slot.waiter.isArriving?.() === true) arriving += 1;
    }
    return arriving < maxArriving;
  }

  /** The long request of a client that may go first. */
  function firstLong({ long }: ClientQueue): Slot | undefined {
    const first = long.first();
    if (first === undefined || mayArrive(first.waiter)) return first;
    return long.all().find(({ waiter }) => mayArrive(waiter));
  }

  function run(slot: Slot): void {
    slot.state = 'running';
    slot.since = performance.now();
    slot.at = running.length;
    running.push(slot);
    slot.waiter.onAcquired(slot);
  }

  function enqueue(slot: Slot, client: string): void {
    if (slot.state !== 'waiting' || slot.queues.some((queue) => queue.client === client)) return;
    let queue = clients.get(client);
    if (queue === undefined) {
      queue = emptyClientQueue(client);
      clients.set(client, queue);
    }
    if (sizeOf(queue) === 0) queues.push(queue);
    queue[lengthOf(slot)].add(slot);
    slot.queues = [...slot.queues, queue];
  }

  function release(slot: Slot): void {
    if (slot.state === 'waiting') dequeue(slot, 'over');
    else if (slot.state === 'running') freeSlot(slot);
    if (queues.length > 0) advance();
  }

  function freeSlot(slot: Slot): void {
    slot.state = 'over';
    const last = running.pop();
    if (last === undefined || last === slot) return;
    running[slot.at] = last;
    last.at = slot.at;
  }

  /** Gives free places away. A guest that fails at once calls `leave` in here, and the loop sees to that place too. */
  function advance(): void {
    if (isAdvancing) return;
    isAdvancing = true;
    try {
      for (let slot = next(); slot !== undefined; slot = next()) {
        dequeue(slot, 'running');
        run(slot);
      }
    } finally {
      // Whatever one guest does, the line must not stand still for all.
      isAdvancing = false;
    }
  }

  /** The first that may go: of the first client that has one, the one that came first. Whose turn it was is the last now. */
  function next(): Slot | undefined {
    if (running.length >= maxConcurrent || queues.length === 0) return undefined;
    const mayBeLong = count.long > 0 && longRunning() < maxLong;
    if (!mayBeLong && count.short === 0) return undefined;
    for (const [index, queue] of queues.entries()) {
      const short = queue.short.first();
      const long = mayBeLong ? firstLong(queue) : undefined;
      const slot = long !== undefined && (short === undefined || long.order < short.order) ? long : short;
      if (slot === undefined) continue;
      if (index < queues.length - 1) {
        queues.splice(index, 1);
        queues.push(queue);
      }
      return slot;
    }
    return undefined;
  }

  function longRunning(): number {
    const before = performance.now() - longAfterMs;
    let long = 0;
    for (const { waiter, since } of running) if (waiter.isLong || since < before) long += 1;
    return long;
  }

  /** Takes a seat that waits out of all turns. */
  function dequeue(slot: Slot, into: 'running' | 'over'): void {
    const length = lengthOf(slot);
    count[length] -= 1;
    slot.state = into;
    for (const queue of slot.queues) {
      queue[length].remove(slot);
      if (sizeOf(queue) === 0) queues.splice(queues.indexOf(queue), 1);
    }
    slot.queues = [];
  }

  function reject(slot: Slot, why: 'full' | 'waited'): void {
    dequeue(slot, 'over');
    slot.waiter.onRejected(why);
  }

  /** The client of which most wait: a flood costs its own sender, and nobody else. */
  function longest(): ClientQueue {
    return queues.reduce((most, queue) => (sizeOf(queue) > sizeOf(most) ? queue : most));
  }

  /** Ends what has taken its time, while somebody waits. */
  function checkTimeouts(): void {
    const now = performance.now();
    const sent = running.filter(
      ({ responseStartedAt }) => responseStartedAt !== undefined && now - responseStartedAt > transferMs,
    );
    for (const slot of sent) release(slot);
    for (const slot of running.filter((one) => isTooSlow(one, now))) slot.waiter.stall?.();
    const waited = queues.flatMap(({ short, long }) => [...short.all(), ...long.all()]);
    for (const slot of waited)
      if (slot.state === 'waiting' && now - slot.since > queueTimeoutMs) reject(slot, 'waited');
    for (const queue of clients.values()) if (sizeOf(queue) === 0) clients.delete(queue.client);
    if (queues.length > 0) {
      // The body of one may have come, so that another of its client may go.
      advance();
      return;
    }
    for (const slot of running) slot.progress = undefined;
    clearInterval(timer);
    timer = undefined;
  }

  /** Whether too little of a guest's body has come, since others wait or it was last found to have come fast enough. */
  function isTooSlow(slot: Slot, now: number): boolean {
    const bytes = slot.waiter.arrived?.();
    const before = slot.progress;
    if (bytes === undefined || before === undefined) {
      slot.progress = bytes === undefined ? undefined : { bytes, at: now };
      return false;
    }
    if (now - before.at < slowest.over) return false;
    slot.progress = { bytes, at: now };
    return bytes - before.bytes < (slowest.bytesPerSecond * (now - before.at)) / 1000;
  }

  return {
    acquire: acquire,
    alsoWaitFor: enqueue,
    release: release,
    get inFlight() {
      return running.length;
    },
    get queued() {
      return count.short + count.long;
    },
  };
}

function lengthOf({ waiter }: Slot): 'short' | 'long' {
  return waiter.isLong ? 'long' : 'short';
}

/** The last that came, of those that nobody else waits for if there are any. */
function newest({ short, long }: ClientQueue): Slot {
  const all = [...short.all(), ...long.all()];
  const single = all.filter(({ queues }) => queues.length === 1);
  return (single.length > 0 ? single : all).reduce((latest, slot) => (slot.order > latest.order ? slot : latest));
}

import { emptyClientQueue, sizeOf, type ClientQueue } from './waiters.ts';

/** A request that needs a slot. */
export interface Waiter {
  /** The fairness key: the queue is fair between these. */
  readonly client: string;
  /** Whether it may hold its slot for long. */
  readonly isLong: boolean;
  /** It has got a slot. */
  onAcquired(slot: Slot): void;
  /**
   * How many bytes of its body have arrived from its client; `undefined` if nothing more is expected. Missing if that
   * does not matter.
   */
  arrived?(): number | undefined;
  /** Whether more of its body is still to come from its client. Missing if it has none. */
  isArriving?(): boolean;
  /** Its body arrives too slowly while others wait: the waiter must end the request and release its slot. */
  stall?(): void;
  /** It gets no slot: too many wait (`full`), or it has waited for too long (`waited`). */
  onRejected(why: 'full' | 'waited'): void;
}

/** A slot at MAAS, or in the queue for one. */
export interface Slot {
  readonly waiter: Waiter;
  /** The clients' queues that it waits in. */
  queues: readonly ClientQueue[];
  /** Increases with each waiter. */
  readonly order: number;
  state: 'waiting' | 'running' | 'over';
  /** `performance.now()` when it entered this state, ms. */
  since: number;
  /** Its index in `running`. */
  at: number;
  /** `performance.now()` when MAAS's response began, ms; `undefined` before. */
  responseStartedAt: number | undefined;
  /** How much of its body had arrived when it was last measured: bytes, and `performance.now()`. */
  progress: { readonly bytes: number; readonly at: number } | undefined;
}

/** The state of the queue, for metrics. */
export interface QueueState {
  /** How many requests are in flight to MAAS. */
  readonly inFlight: number;
  /** How many requests wait for a slot. */
  readonly queued: number;
}

/** The queue in front of MAAS. */
export interface ConcurrencyLimiter extends QueueState {
  /** Gives the waiter a slot, or queues it; `onAcquired` or `onRejected` may be called before this returns. */
  acquire(waiter: Waiter): Slot;
  /** Queues a waiter under a further client too, which shares its response. */
  alsoWaitFor(slot: Slot, client: string): void;
  /** Frees the slot, or takes it out of the queue. Idempotent. */
  release(slot: Slot): void;
}

/** The bounds of the queue; all but `maxConcurrent` have defaults. */
export interface ConcurrencyLimiterOptions {
  /** How many requests may be in flight to MAAS. */
  readonly maxConcurrent: number;
  /** How many may wait. */
  readonly maxQueued?: number;
  /** How long one may wait, ms. */
  readonly queueTimeoutMs?: number;
  /** A request that has been at MAAS for longer counts as long, ms. */
  readonly longAfterMs?: number;
  /** How long a response holds its slot after it has begun, ms. */
  readonly transferMs?: number;
  /**
   * While others wait, a request loses its slot if its body arrives more slowly than this: bytes per second, measured
   * over so many ms.
   */
  readonly slowest?: { readonly bytesPerSecond: number; readonly over: number };
  /** How often timeouts are checked while requests are queued, ms. */
  readonly tickMs?: number;
}

/** The share of the slots that long requests may hold; the rest is reserved for short reads. */
const longShare = 3 / 4;

/**
 * The share of the slots for long requests that one client may hold by requests whose bodies are still arriving: a
 * client that sends slowly, and reconnects whenever it is cut off, must leave slots to the writes of others.
 */
const arrivingShare = 1 / 2;

/**
 * Creates a fair queue: a bounded number of requests is in flight, and the rest wait, round robin between clients. Long
 * requests never hold all slots.
 *
 * A slot stands for one of MAAS's workers. MAAS completes a response before it sends it, and its web server buffers it
 * for the worker, so a client that reads slowly needs no slot: the slot is freed a while after the response has begun.
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
  /** Including empty queues, until timeouts are checked. */
  const clients = new Map<string, ClientQueue>();
  /** The queues that are not empty, in round-robin order. */
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

  /** Whether a waiter gets a slot without queueing. */
  function isFree(waiter: Waiter): boolean {
    if (isAdvancing || count.short + count.long > 0 || running.length >= maxConcurrent) return false;
    return !waiter.isLong || (longRunning() < maxLong && mayArrive(waiter));
  }

  /** Whether a client may hold one more slot for a request whose body is still arriving. */
  function mayArrive(waiter: Waiter): boolean {
    if (waiter.isArriving?.() !== true) return true;
    let arriving = 0;
    for (const slot of running) {
      if (slot.waiter.client === waiter.client && slot.waiter.isArriving?.() === true) arriving += 1;
    }
    return arriving < maxArriving;
  }

  /** The next long request of a client that may run. */
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

  /**
   * Assigns free slots. A waiter that fails immediately calls `release` in here, and the loop assigns that slot too.
   */
  function advance(): void {
    if (isAdvancing) return;
    isAdvancing = true;
    try {
      for (let slot = next(); slot !== undefined; slot = next()) {
        dequeue(slot, 'running');
        run(slot);
      }
    } finally {
      // An error of one waiter must not stall the queue for all.
      isAdvancing = false;
    }
  }

  /**
   * The next slot to run: the oldest of the first client that has one. That client moves to the end of the round robin.
   */
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

  /** Takes a slot out of all queues. */
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

  /** The longest queue: a flood costs its own sender, and nobody else. */
  function longest(): ClientQueue {
    return queues.reduce((most, queue) => (sizeOf(queue) > sizeOf(most) ? queue : most));
  }

  /** Ends requests that have timed out, while others are queued. */
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
      // A body may have arrived completely, so that another request of its client may run.
      advance();
      return;
    }
    for (const slot of running) slot.progress = undefined;
    clearInterval(timer);
    timer = undefined;
  }

  /** Whether too little of a request's body has arrived since it was last measured while others wait. */
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

/** The newest slot, preferably one that no other client waits for. */
function newest({ short, long }: ClientQueue): Slot {
  const all = [...short.all(), ...long.all()];
  const single = all.filter(({ queues }) => queues.length === 1);
  return (single.length > 0 ? single : all).reduce((latest, slot) => (slot.order > latest.order ? slot : latest));
}

// The line in front of MAAS by itself: whatever guests do, no place is lost, and nobody is passed over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  createConcurrencyLimiter,
  type Waiter,
  type ConcurrencyLimiter,
  type Slot,
} from '../../src/upstream/queue/concurrency-limiter.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { until } from '../support/until.ts';

interface Visit extends Waiter {
  seat: Slot | undefined;
  state: 'waiting' | 'running' | 'full' | 'waited' | 'over';
}

/** A guest; one that `fails` gives its place up as soon as it has it, as a connection does that is refused at once. */
function guest(line: ConcurrencyLimiter, client: string, isLong: boolean, fails = false): Visit {
  const visit: Visit = {
    client,
    isLong,
    seat: undefined,
    state: 'waiting',
    onAcquired(seat) {
      visit.seat = seat;
      visit.state = 'running';
      if (fails) leave(line, visit);
    },
    onRejected(why) {
      visit.state = why;
    },
  };
  const seat = line.acquire(visit);
  visit.seat ??= seat;
  return visit;
}

function leave(line: ConcurrencyLimiter, visit: Visit): void {
  visit.state = 'over';
  if (visit.seat !== undefined) line.release(visit.seat);
}

const running = (visits: readonly Visit[]): Visit[] => visits.filter(({ state }) => state === 'running');

const acts = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('enter' as const), client: fc.nat(3), isLong: fc.boolean(), fails: fc.boolean() }),
    fc.record({ what: fc.constant('wait for' as const), which: fc.nat(1_000), client: fc.nat(3) }),
    fc.record({ what: fc.constant('leave' as const), which: fc.nat(1_000) }),
    fc.record({ what: fc.constant('leave again' as const), which: fc.nat(1_000) }),
  ),
  { maxLength: 150 },
);

test('places are never exceeded, never lost and never idle while somebody may have one', () => {
  fc.assert(
    fc.property(acts, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 10 }), (plan, places, maxWaiting) => {
      const line = createConcurrencyLimiter({ maxConcurrent: places, maxQueued: maxWaiting });
      const maxLong = Math.max(1, Math.floor(places * 0.75));
      const visits: Visit[] = [];
      for (const act of plan) {
        if (act.what === 'enter') visits.push(guest(line, String(act.client), act.isLong, act.fails));
        const open = visits.filter(
          ({ state }) => (state === 'running' || state === 'waiting') === (act.what === 'leave'),
        );
        const chosen =
          act.what === 'enter' || act.what === 'wait for' ? undefined : open[act.which % Math.max(1, open.length)];
        const any = visits[act.what === 'wait for' ? act.which % Math.max(1, visits.length) : -1];
        if (act.what === 'wait for' && any?.seat !== undefined) line.alsoWaitFor(any.seat, String(act.client));
        else if (chosen !== undefined) leave(line, chosen);

        const inside = running(visits);
        const waiting = visits.filter(({ state }) => state === 'waiting');
        assert.deepEqual([line.inFlight, line.queued], [inside.length, waiting.length]);
        assert.ok(inside.length <= places && waiting.length <= maxWaiting);
        const long = inside.filter(({ isLong }) => isLong).length;
        assert.ok(long <= maxLong, 'long ones hold all places');
        if (inside.length < places) {
          assert.ok(!waiting.some(({ isLong }) => !isLong || long < maxLong), 'a place is free and somebody waits');
        }
      }
      for (const visit of visits) leave(line, visit);
      assert.deepEqual([line.inFlight, line.queued], [0, 0]);
    }),
    { numRuns: 2_000 },
  );
});

test('clients take turns, and of one client the first to come goes first', () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 1 });
  const first = guest(line, 'a', false);
  const visits = ['a', 'a', 'a', 'b', 'b', 'c'].map((client, index) => guest(line, client, index % 2 === 0));
  leave(line, first);
  const order: string[] = [];
  for (let [next] = running(visits); next !== undefined; [next] = running(visits)) {
    order.push(`${next.client}${visits.indexOf(next)}`);
    leave(line, next);
  }
  assert.deepEqual(order, ['a0', 'b3', 'c5', 'a1', 'b4', 'a2']);
});

test('a client whose turn came while only long places were taken has the next of them', () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 2 });
  const long = guest(line, 'a', true);
  const [waiting, other] = [guest(line, 'b', true), guest(line, 'a', true)];
  leave(line, guest(line, 'c', false));
  assert.equal(waiting.state, 'waiting');
  leave(line, long);
  assert.deepEqual([waiting.state, other.state], ['running', 'waiting']);
});

test('a full line costs the client of which most wait its newest, not the one who comes', () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 1, maxQueued: 3 });
  guest(line, 'a', false);
  const flood = [1, 2, 3].map(() => guest(line, 'a', false));
  const single = guest(line, 'b', false);
  assert.deepEqual(
    [...flood, single].map(({ state }) => state),
    ['waiting', 'waiting', 'full', 'waiting'],
  );
});

test('waiting ends after a time', async () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 1, queueTimeoutMs: 20, tickMs: 5 });
  const inside = guest(line, 'a', false);
  const waiting = guest(line, 'a', false);
  // What the line keeps running for that must not keep a process.
  const process = setInterval(() => {}, 1_000);
  await until(() => waiting.state === 'waited', 'the end of the wait');
  clearInterval(process);
  assert.deepEqual([inside.state, line.inFlight, line.queued], ['running', 1, 0]);
});

test('a request whose body does not come loses its place while somebody waits, and one whose body comes keeps it', async () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 2, tickMs: 5, slowest: { bytesPerSecond: 1024, over: 20 } });
  const stalled: string[] = [];
  let bytes = 0;
  const sender = (client: string, arrived: () => number | undefined): Visit => {
    const visit: Visit = {
      client,
      isLong: false,
      seat: undefined,
      state: 'waiting',
      onAcquired: () => (visit.state = 'running'),
      onRejected: (why) => (visit.state = why),
      arrived,
      stall() {
        stalled.push(client);
        leave(line, visit);
      },
    };
    visit.seat = line.acquire(visit);
    return visit;
  };
  sender('slow', () => 5);
  sender('fast', () => (bytes += 2_000_000));
  await new Promise((resolve) => void setTimeout(resolve, 50));
  assert.deepEqual(stalled, []);
  const process = setInterval(() => {}, 1_000);
  const first = guest(line, 'a', false);
  await until(() => first.state === 'running', 'the place of the slow sender');
  // One that has sent everything, and waits for its answer, is none that is waited for.
  const second = guest(line, 'b', false);
  const looks = bytes;
  await until(() => bytes > looks + 40_000_000, 'twenty more looks');
  clearInterval(process);
  assert.deepEqual(stalled, ['slow']);
  assert.equal(second.state, 'waiting');
});

test('an answer that is under way for long holds no place, but only while somebody waits', async () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 1, transferMs: 20, tickMs: 5 });
  const inside = guest(line, 'a', false);
  assert.ok(inside.seat);
  inside.seat.responseStartedAt = performance.now() - 1_000;
  await new Promise((resolve) => void setTimeout(resolve, 50));
  assert.equal(line.inFlight, 1);
  const waiting = guest(line, 'a', false);
  const process = setInterval(() => {}, 1_000);
  await until(() => waiting.state === 'running', 'the place of the slow reader');
  clearInterval(process);
  leave(line, inside);
  assert.equal(line.inFlight, 1);
});

test('requests that have been at MAAS for long leave the rest of the places to short ones', async () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 4, longAfterMs: 20 });
  for (let count = 0; count < 3; count += 1) guest(line, 'a', false);
  await new Promise((resolve) => void setTimeout(resolve, 30));
  const long = guest(line, 'a', true);
  const short = guest(line, 'b', false);
  assert.deepEqual([long.state, short.state], ['waiting', 'running']);
});

test('the line holds nothing of those who have left it, also while others go on waiting', async () => {
  const line = createConcurrencyLimiter({ maxConcurrent: 1 });
  const inside = guest(line, 'a', false);
  const gone: WeakRef<Visit>[] = [];
  // In a function of its own, so that no variable of the test holds them.
  const pass = (): void => {
    for (let count = 0; count < 20; count += 1) {
      const visit = guest(line, 'a', count % 2 === 0);
      gone.push(new WeakRef(visit));
      leave(line, visit);
    }
  };
  const last = [guest(line, 'a', false), guest(line, 'a', true)];
  pass();
  // A turn of the event loop: until then a WeakRef itself holds what it was made of.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  assert.deepEqual(
    gone.map((visit) => visit.deref()?.state),
    gone.map(() => undefined),
  );
  assert.equal(line.queued, 2);
  for (const visit of [inside, ...last]) leave(line, visit);
});

test('a client whose bodies are still to come holds half of the long slots at the most, and others find the rest', () => {
  const limiter = createConcurrencyLimiter({ maxConcurrent: 16 });
  const slow = Array.from({ length: 12 }, () => {
    const waiter = { isComing: true, isRunning: false };
    const slot = limiter.acquire({
      client: 'slow',
      isLong: true,
      isArriving: () => waiter.isComing,
      onAcquired: () => (waiter.isRunning = true),
      onRejected: () => assert.fail('rejected'),
    });
    return { waiter, slot };
  });
  assert.equal(slow.filter(({ waiter }) => waiter.isRunning).length, 6);
  const others = Array.from({ length: 6 }, (_, index) => guest(limiter, `honest-${index}`, true));
  assert.equal(running(others).length, 6);
  // The next one goes when a body has come and a slot is free.
  const [first] = slow;
  if (first !== undefined) first.waiter.isComing = false;
  leave(limiter, others[0] as Visit);
  assert.equal(slow.filter(({ waiter }) => waiter.isRunning).length, 7);
  for (const { slot } of slow) limiter.release(slot);
  for (const visit of others) leave(limiter, visit);
});

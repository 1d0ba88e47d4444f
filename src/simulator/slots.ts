// MAAS works on a fixed number of requests at a time; further requests wait in a queue, first in, first out.

export interface Slots {
  /** Waits for a slot, and resolves to its release function. `signal` removes a waiter from the queue (undefined). */
  acquire: (signal: AbortSignal) => Promise<(() => void) | undefined>;
  inFlight: number;
  peak: number;
}

export function createSlots(limit = Infinity): Slots {
  const queue: (() => void)[] = [];
  const slots: Slots = { inFlight: 0, peak: 0, acquire };

  function occupy(): () => void {
    slots.inFlight += 1;
    slots.peak = Math.max(slots.peak, slots.inFlight);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      slots.inFlight -= 1;
      queue.shift()?.();
    };
  }

  async function acquire(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (slots.inFlight < limit && queue.length === 0) return occupy();
    return new Promise((resolve) => {
      const onAcquired = () => {
        signal.removeEventListener('abort', onAborted);
        resolve(occupy());
      };
      const onAborted = () => {
        queue.splice(queue.indexOf(onAcquired), 1);
        resolve(undefined);
      };
      queue.push(onAcquired);
      signal.addEventListener('abort', onAborted, { once: true });
    });
  }
  return slots;
}

// MAAS works on a fixed number of requests at once; the others wait in line, first come, first served.

export interface Slots {
  /** Resolves to the function that gives the slot back; `signal` takes a waiting request out of the line (undefined). */
  take: (signal: AbortSignal) => Promise<(() => void) | undefined>;
  inWork: number;
  peak: number;
}

export function createSlots(limit = Infinity): Slots {
  const line: (() => void)[] = [];
  const slots: Slots = { inWork: 0, peak: 0, take };

  function enter(): () => void {
    slots.inWork += 1;
    slots.peak = Math.max(slots.peak, slots.inWork);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      slots.inWork -= 1;
      line.shift()?.();
    };
  }

  async function take(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (slots.inWork < limit && line.length === 0) return enter();
    return new Promise((resolve) => {
      const turn = () => {
        signal.removeEventListener('abort', leave);
        resolve(enter());
      };
      const leave = () => {
        line.splice(line.indexOf(turn), 1);
        resolve(undefined);
      };
      line.push(turn);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
  return slots;
}

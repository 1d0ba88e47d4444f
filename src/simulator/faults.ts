// Faults that a test plans for requests to come.

export type Fault =
  /** Answered without the operation having run. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The connection ends (FIN). Before the headers the operation has not run; in the body it has. */
  | { kind: 'cut'; when: 'before-headers' | 'in-body'; afterBytes?: number }
  /** The connection ends with a TCP reset; the operation has not run. */
  | { kind: 'reset' }
  /** Then goes on as usual. */
  | { kind: 'delay'; ms: number }
  /** Nothing more comes until the client or the simulator closes. */
  | { kind: 'stall'; when: 'before-headers' | 'in-body'; afterBytes?: number }
  /** A good answer that promises keep-alive, and the end of the connection right behind it. */
  | { kind: 'drop-idle' };

export interface RandomFaults {
  seed: number;
  /** Probabilities from 0 to 1, for each request. */
  cut?: number;
  reset?: number;
  delay?: number;
  maxDelayMs?: number;
}

export interface Faults {
  /**
   * The next `times` requests that match get this fault. `match` is `'*'` or the beginning of `METHOD /path/?query`, with
   * the path below `/MAAS/api/2.0`, decoded (elsewhere: the whole path). Plans are used up in the order of planning.
   */
  next: (match: string, fault: Fault, times?: number) => void;
  /** From now on each request may meet a fault; the same seed gives the same sequence. */
  random: (plan: RandomFaults) => void;
  clear: () => void;
  /** How many faults have struck since the last clear(). */
  struck: number;
}

/** mulberry32: a small generator with a seed, evenly spread over [0, 1). */
function generator(seed: number): () => number {
  let state = Math.trunc(seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The plans, and `take`, by which the server asks for the fault of a request. */
export function createFaults(): { faults: Faults; take: (request: string) => Fault | undefined } {
  let plans: { match: string; fault: Fault; left: number }[] = [];
  let dice: (() => Fault | undefined) | undefined;

  const faults: Faults = {
    struck: 0,
    next(match, fault, times = 1) {
      plans.push({ match, fault, left: times });
    },
    random({ seed, cut = 0, reset = 0, delay = 0, maxDelayMs = 0 }) {
      const roll = generator(seed);
      dice = () => {
        const at = roll();
        const size = roll();
        if (at < cut) {
          return size < 0.5
            ? { kind: 'cut', when: 'before-headers' }
            : { kind: 'cut', when: 'in-body', afterBytes: Math.floor(size * 1000) };
        }
        if (at < cut + reset) return { kind: 'reset' };
        if (at < cut + reset + delay) return { kind: 'delay', ms: Math.round(size * maxDelayMs) };
        return undefined;
      };
    },
    clear() {
      plans = [];
      dice = undefined;
      faults.struck = 0;
    },
  };

  function take(request: string): Fault | undefined {
    const plan = plans.find(({ match }) => match === '*' || request.startsWith(match));
    if (plan && --plan.left <= 0) plans = plans.filter((one) => one !== plan);
    const fault = plan?.fault ?? dice?.();
    if (fault) faults.struck += 1;
    return fault;
  }
  return { faults, take };
}

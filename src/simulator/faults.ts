// Faults that a test plans for future requests.

export type Fault =
  /** This response, without running the operation. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /**
   * The connection closes (FIN): before the headers, without running the operation, or in the body, after running it.
   */
  | { kind: 'cut'; when: 'before-headers' | 'in-body'; afterBytes?: number }
  /** The connection closes with a TCP reset, without running the operation. */
  | { kind: 'reset' }
  /** Waits, then continues as usual. */
  | { kind: 'delay'; ms: number }
  /** Sends nothing more until the client or the simulator closes the connection. */
  | { kind: 'stall'; when: 'before-headers' | 'in-body'; afterBytes?: number }
  /** A normal response with keep-alive; the connection closes right after it. */
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
   * The next `times` requests that match get this fault. `match` is `'*'` or the beginning of `METHOD /path/?query`,
   * with the path below `/MAAS/api/2.0`, decoded (otherwise the complete path). Plans are used in the order in which
   * they were made.
   */
  next: (match: string, fault: Fault, times?: number) => void;
  /** From now on any request may get a fault; the same seed gives the same sequence. */
  random: (plan: RandomFaults) => void;
  clear: () => void;
  /** How many requests got a fault since the last clear(). */
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

/** The planned faults, and `take`, with which the server gets the fault for a request. */
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

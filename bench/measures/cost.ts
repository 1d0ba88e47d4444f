import { inRounds, type Rounds, type Runner } from '../field.ts';
import { load, type Load } from '../load.ts';
import { cpuOf } from '../processes.ts';

/** The cost of a request: CPU of the program, µs, and the client's latency. */
export interface Cost extends Load {
  readonly cpu: number;
}

/** How many connections load the program, for how long, and in how many rounds. */
export interface LoadPlan {
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
}

/** Measures what requests for a path cost in each program. */
export function measureCost(
  runners: readonly Runner[],
  path: string,
  { connections, seconds, rounds }: LoadPlan,
): Promise<Rounds<Cost>> {
  return inRounds(runners, rounds, async ({ running: { port, pid, headers } }) => {
    const before = cpuOf(pid);
    const found = await load(port, path, { connections, seconds, headers });
    return { ...found, cpu: ((cpuOf(pid) - before) * 1e6) / found.requests };
  });
}

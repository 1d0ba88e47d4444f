import { inRounds, type Rounds, type Runner } from '../field.ts';
import { load, type Load } from '../load.ts';
import { cpuOf } from '../processes.ts';

/** What a request costs: CPU of the program, µs, and what the client waits. */
export interface Cost extends Load {
  readonly cpu: number;
}

/** Of a load: how many connections, for how long, and how often. */
export interface LoadPlan {
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
}

/** Measures what requests for a path cost with each program. */
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

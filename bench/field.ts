import type { Lane, Running } from './programs/lane.ts';

/** A program that takes part in a measurement. */
export interface Runner {
  readonly name: string;
  readonly running: Running;
}

/** Starts programs side by side in front of the same port, does something with them, and stops them. */
export async function withRunners<Result>(
  lanes: readonly Lane[],
  originPort: number,
  work: (runners: readonly Runner[]) => Promise<Result>,
): Promise<Result> {
  const runners: Runner[] = [];
  try {
    for (const lane of lanes) runners.push({ name: lane.name, running: await lane.start(originPort) });
    return await work(runners);
  } finally {
    await Promise.all(runners.map(({ running }) => running.stop()));
  }
}

/** By the name of a program, a value for each round. */
export type Rounds<Value> = ReadonlyMap<string, readonly Value[]>;

/**
 * Measures in rounds: in each every program has its turn, and each round begins with another one. So what else happens on
 * the machine meets all of them.
 */
export async function inRounds<Value>(
  runners: readonly Runner[],
  count: number,
  measure: (runner: Runner) => Promise<Value>,
): Promise<Rounds<Value>> {
  const found = new Map<string, Value[]>(runners.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round += 1) {
    const first = round % runners.length;
    for (const runner of [...runners.slice(first), ...runners.slice(0, first)])
      found.get(runner.name)?.push(await measure(runner));
  }
  return found;
}

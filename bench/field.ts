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

/** A value for each round, by the program's name. */
export type Rounds<Value> = ReadonlyMap<string, readonly Value[]>;

/**
 * Measures in rounds: each round measures every program once, and starts with the next one. So other load on the
 * machine affects all of them alike.
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

import type { Case } from './case.ts';
import type { Verdict } from './judge.ts';
import { startRawOrigin } from './raw-origin.ts';
import { runCase, type Lane } from './run-case.ts';
import type { Program } from './targets/target.ts';

/** Several copies of a program, each with a MAAS's side of its own, that share the cases among them. */
export interface Lanes {
  /** Runs a case on the next lane that is free. */
  run(each: Case): Promise<Verdict>;
  stop(): Promise<void>;
}

/** Starts so many copies of a program. */
export async function openLanes(program: Program, count: number): Promise<Lanes> {
  const lanes: Lane[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(lanes.map(({ target }) => target.stop()));
    for (const { origin } of lanes) origin.close();
  };
  try {
    while (lanes.length < count) lanes.push(await openLane(program));
  } catch (error) {
    await stop();
    throw error;
  }
  const free = [...lanes];
  const waiting: ((lane: Lane) => void)[] = [];
  return {
    async run(each) {
      const lane = free.pop() ?? (await new Promise<Lane>((resolve) => waiting.push(resolve)));
      try {
        return await runCase(lane, each);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(lane);
        else next(lane);
      }
    },
    stop,
  };
}

async function openLane(program: Program): Promise<Lane> {
  const origin = await startRawOrigin();
  const target = await program.start(origin.port);
  // Ours asks MAAS two things when it starts; the cases begin after that.
  if (program.asksAtStart === true) await origin.received('op=whoami', 5000);
  await origin.finish();
  return { origin, target };
}

import { Agent } from 'node:http';
import { ask } from '../ask.ts';
import type { Runner } from '../field.ts';
import { apiRoot } from '../programs/lane.ts';
import type { SmallMaas } from '../small-maas.ts';

/** What became of many clients that all ask for the list of machines at once. */
export interface Crowd {
  /** Until the last one had its answer, ms. */
  readonly ms: number;
  /** The most requests that MAAS had in work at once. */
  readonly atMaas: number;
}

/** Lets so many clients ask for `machines/` at the same moment, each from a connection of its own. */
export async function measureCrowd(runner: Runner, maas: SmallMaas, clients: number): Promise<Crowd> {
  const agent = new Agent({ maxSockets: clients });
  await maas.peak();
  const start = performance.now();
  try {
    await Promise.all(Array.from({ length: clients }, () => ask(runner, `${apiRoot}/machines/`, agent)));
    return { ms: performance.now() - start, atMaas: await maas.peak() };
  } finally {
    agent.destroy();
  }
}

import { Agent } from 'node:http';
import { ask } from '../ask.ts';
import type { Runner } from '../field.ts';
import { apiRoot } from '../programs/lane.ts';
import type { SimulatorProcess } from '../simulator-process.ts';

/** The result of many concurrent requests for the list of machines. */
export interface Crowd {
  /** Until the last client has its response, ms. */
  readonly ms: number;
  /** The peak of requests in flight to MAAS. */
  readonly atMaas: number;
}

/** Sends this many concurrent requests for `machines/`, each on its own connection. */
export async function measureCrowd(runner: Runner, maas: SimulatorProcess, clients: number): Promise<Crowd> {
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

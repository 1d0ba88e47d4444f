import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { startOrigin, type OriginRequest } from './origin.ts';
import { until } from './until.ts';

/** A request that waits for its answer. */
export interface Held {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A server in MAAS's place that answers when a test says so. */
export interface HeldMaas {
  readonly url: string;
  readonly received: readonly OriginRequest[];
  /** The request that came as the `index`-th, as soon as it is there; 0 for the first. */
  arrived(index: number): Promise<Held>;
}

/** Starts one, which ends with the test. */
export async function startHeldMaas(t: TestContext): Promise<HeldMaas> {
  const held: Held[] = [];
  const { url, received } = await startOrigin(t, (request, response) => void held.push({ request, response }));
  return {
    url,
    received,
    async arrived(index) {
      await until(() => held.length > index, `request ${index} at MAAS`);
      return held[index] as Held;
    },
  };
}

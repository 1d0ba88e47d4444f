import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { startOrigin, type OriginRequest } from './origin.ts';
import { until } from './until.ts';

/** A request that waits for its response. */
export interface Held {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A server in MAAS's place that responds when a test says so. */
export interface HeldMaas {
  readonly url: string;
  readonly received: readonly OriginRequest[];
  /** Resolves with the request that arrives as the `index`-th; 0 is the first. */
  arrived(index: number): Promise<Held>;
}

/** Starts the server, which stops with the test. */
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

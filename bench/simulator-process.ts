import { fork } from 'node:child_process';
import { once } from 'node:events';
import { end } from '../test/conformance/targets/peer.ts';

/** The simulator as its own process, so that it does not slow down the bench. */
export interface SimulatorProcess {
  readonly port: number;
  /** The peak of requests in flight since the last call. */
  peak(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts the simulator with 16 slots and 200 machines, whose list is 0.87 MB long.
 *
 * @param machinesTake how long it works on that list, ms
 */
export async function startSimulatorProcess(machinesTake: number): Promise<SimulatorProcess> {
  const child = fork(new URL('./simulator-server.js', import.meta.url), [String(machinesTake)]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    port,
    async peak() {
      child.send('peak');
      const [peak] = (await once(child, 'message')) as [number];
      return peak;
    },
    stop: () => end(child),
  };
}

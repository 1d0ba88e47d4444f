import { fork } from 'node:child_process';
import { once } from 'node:events';
import { end } from '../test/conformance/targets/peer.ts';

/** The simulator, as a process of its own, so that its work is not the bench's. */
export interface SmallMaas {
  readonly port: number;
  /** The most requests it had in work at once since this was last asked. */
  peak(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts the simulator with 16 slots and 200 machines, whose list has 0.87 MB.
 *
 * @param machinesTake how long it works on that list, ms
 */
export async function startSmallMaas(machinesTake: number): Promise<SmallMaas> {
  const child = fork(new URL('./small-maas-server.js', import.meta.url), [String(machinesTake)]);
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

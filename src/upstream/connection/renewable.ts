import type { UpstreamDispatch } from '../handler.ts';
import type { Connections } from './pool.ts';

/** Connections that can be replaced while requests use them. */
export interface Renewable {
  readonly dispatch: UpstreamDispatch;
  /** Uses new connections for later requests. The old ones close after the requests that use them. */
  renew(next: Connections): void;
  /** Closes all connections immediately, including old ones. */
  destroy(): Promise<void>;
}

/** Creates renewable connections. @param first the first ones */
export function renewable(first: Connections): Renewable {
  let current = first;
  const ending = new Set<Connections>();
  return {
    dispatch: (options, handler) => current.dispatch(options, handler),
    renew(next) {
      const old = current;
      current = next;
      ending.add(old);
      void old.close().finally(() => ending.delete(old));
    },
    destroy: async () => {
      await Promise.all([current, ...ending].map((connections) => connections.destroy()));
    },
  };
}

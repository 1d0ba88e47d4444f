import type { UpstreamDispatch } from '../handler.ts';
import type { Connections } from './pool.ts';

/** Connections that can be made anew while requests are on them. */
export interface Renewable {
  readonly dispatch: UpstreamDispatch;
  /** Takes new connections for whatever comes from now on. The old ones end with the requests that are on them. */
  renew(next: Connections): void;
  /** Ends all connections at once, old ones too. */
  destroy(): Promise<void>;
}

/** Connections that begin with these. */
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

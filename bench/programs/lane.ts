import type { Target } from '../../test/conformance/targets/target.ts';

/** A running program, and what a client has to send it. */
export interface Running extends Target {
  /** Header fields of every request, as `Name: value`. */
  readonly headers: readonly string[];
  /** `performance.now()` when its process was started, ms. */
  readonly startedAt: number;
}

/** A program that is measured. */
export interface Lane {
  readonly name: string;
  /** Its version, or `undefined` where it is not installed. */
  version(): Promise<string | undefined>;
  /** Starts it in front of a port of 127.0.0.1; resolves when it accepts connections. */
  start(originPort: number): Promise<Running>;
}

/** The root path of MAAS's API, the same for every program. */
export const apiRoot = '/MAAS/api/2.0';

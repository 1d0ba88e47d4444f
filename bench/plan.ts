import type { LoadPlan } from './measures/cost.ts';
import type { responsePath } from './origin.ts';

/** How much is measured. */
export interface Plan {
  readonly loads: readonly (LoadPlan & {
    readonly response: Exclude<Parameters<typeof responsePath>[0], 'download'>;
  })[];
  /** The longest warm-up of a program, s. */
  readonly warmUp: number;
  /** Bytes. */
  readonly download: number;
  readonly upload: number;
  readonly transferRounds: number;
  readonly startRounds: number;
  /** How long a started program is left idle before its memory is read, ms. */
  readonly calm: number;
  readonly idleConnections: number;
  /** How many concurrent clients request the list of machines, and how long MAAS works on each request, ms. */
  readonly crowds: readonly number[];
  readonly machinesTake: number;
}

const mebibyte = 2 ** 20;

/** For docs/performance.md: about 9 minutes. */
export const full: Plan = {
  loads: [
    { response: 'usual', connections: 1, seconds: 1, rounds: 5 },
    { response: 'usual', connections: 32, seconds: 1, rounds: 9 },
    { response: 'usual', connections: 256, seconds: 1, rounds: 5 },
    { response: 'small', connections: 32, seconds: 1, rounds: 3 },
    { response: 'large', connections: 32, seconds: 1, rounds: 3 },
  ],
  warmUp: 12,
  download: 1024 * mebibyte,
  upload: 200 * mebibyte,
  transferRounds: 5,
  startRounds: 3,
  calm: 1_500,
  idleConnections: 5_000,
  crowds: [1, 12, 50, 200],
  machinesTake: 1_000,
};

/** The same in less than a minute, for the gate: shows that everything runs. */
export const quick: Plan = {
  loads: [
    { response: 'usual', connections: 1, seconds: 1, rounds: 1 },
    { response: 'usual', connections: 32, seconds: 1, rounds: 1 },
  ],
  warmUp: 1,
  download: 64 * mebibyte,
  upload: 16 * mebibyte,
  transferRounds: 1,
  startRounds: 1,
  calm: 300,
  idleConnections: 500,
  crowds: [1, 12],
  machinesTake: 300,
};

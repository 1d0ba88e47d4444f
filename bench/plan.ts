import type { LoadPlan } from './measures/cost.ts';
import type { answerPath } from './origin.ts';

/** How much is measured. */
export interface Plan {
  readonly loads: readonly (LoadPlan & { readonly answer: Exclude<Parameters<typeof answerPath>[0], 'download'> })[];
  /** How long a program may take to get warm, s. */
  readonly warmUp: number;
  /** Bytes. */
  readonly download: number;
  readonly upload: number;
  readonly transferRounds: number;
  readonly startRounds: number;
  /** How long a program that has started is left alone before its memory is read, ms. */
  readonly calm: number;
  readonly idleConnections: number;
  /** How many clients ask at once in the users' scenario, and how long MAAS works on their question, ms. */
  readonly crowds: readonly number[];
  readonly machinesTake: number;
}

const mebibyte = 2 ** 20;

/** What docs/performance.md is written from: 9 minutes or so. */
export const full: Plan = {
  loads: [
    { answer: 'usual', connections: 1, seconds: 1, rounds: 5 },
    { answer: 'usual', connections: 32, seconds: 1, rounds: 9 },
    { answer: 'usual', connections: 256, seconds: 1, rounds: 5 },
    { answer: 'small', connections: 32, seconds: 1, rounds: 3 },
    { answer: 'large', connections: 32, seconds: 1, rounds: 3 },
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

/** The same in under a minute, for the gate: it shows that all of it runs. */
export const quick: Plan = {
  loads: [
    { answer: 'usual', connections: 1, seconds: 1, rounds: 1 },
    { answer: 'usual', connections: 32, seconds: 1, rounds: 1 },
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

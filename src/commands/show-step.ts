import { styleText } from 'node:util';
import type { Status, Step } from '../check/finding.ts';
import { say } from './command.ts';

const marks = {
  ok: { mark: '✓', colour: 'green' },
  warning: { mark: '!', colour: 'yellow' },
  error: { mark: '✗', colour: 'red' },
  skipped: { mark: '-', colour: 'gray' },
} as const satisfies Record<Status, { mark: string; colour: Parameters<typeof styleText>[0] }>;

/** The longest name of a step is `clients file`. */
const width = 12;

/** Prints a step of `check`: how it ended, what it found, and what to do. */
export function showStep({ step, status, detail, remedy }: Step): void {
  const { mark, colour } = marks[status];
  const coloured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  const [first = '', ...more] = detail.split('\n');
  say(` ${step.padEnd(width)} ${first}`, coloured ? styleText(colour, mark) : mark);
  for (const line of [...more, ...(remedy?.split('\n') ?? [])]) say(`  ${' '.repeat(width)} ${line}`);
}

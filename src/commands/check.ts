import { homedir } from 'node:os';
import { styleText } from 'node:util';
import { runChecks } from '../check/checks.ts';
import type { Status, Step } from '../check/finding.ts';
import { readDraft } from '../config/configuration.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { say, type Run } from './command.ts';

/** Finds out what does not work: one line for each step between this machine and MAAS. */
export const check: Run = async (layers) => {
  const draft = await readDraft(layers, homedir());
  // This command explains a bad address or key. Any other invalid setting is an error of usage.
  const unreadable = draft.mistakes.filter(({ about }) => about === 'setting').map(({ text }) => text);
  if (unreadable.length > 0) throw new ConfigurationError(unreadable);

  const forScripts = layers.extra.has('json');
  const steps = await runChecks(draft, forScripts ? () => {} : show);
  const ok = steps.every(({ status }) => status !== 'error');
  if (forScripts) {
    // Listed one by one: `found` is only for later steps.
    const shown = steps.map(({ step, region, status, detail, remedy }) => ({ step, region, status, detail, remedy }));
    say(JSON.stringify({ ok, steps: shown }, undefined, 2));
  }
  return ok ? 0 : 1;
};

const marks = {
  ok: { mark: '✓', colour: 'green' },
  warning: { mark: '!', colour: 'yellow' },
  error: { mark: '✗', colour: 'red' },
  skipped: { mark: '-', colour: 'gray' },
} as const satisfies Record<Status, { mark: string; colour: Parameters<typeof styleText>[0] }>;

/** The longest name of a step is `clients file`. */
const width = 12;

function show({ step, status, detail, remedy }: Step): void {
  const { mark, colour } = marks[status];
  const coloured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  const [first = '', ...more] = detail.split('\n');
  say(` ${step.padEnd(width)} ${first}`, coloured ? styleText(colour, mark) : mark);
  for (const line of [...more, ...(remedy?.split('\n') ?? [])]) say(`  ${' '.repeat(width)} ${line}`);
}

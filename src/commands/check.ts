import { homedir } from 'node:os';
import { runChecks } from '../check/checks.ts';
import { readDraft } from '../config/configuration.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { say, type Run } from './command.ts';
import { showStep } from './show-step.ts';

/** Finds out what does not work: one line for each step between this machine and MAAS. */
export const check: Run = async (layers) => {
  const draft = await readDraft(layers, homedir());
  // This command explains a bad address or key. Any other invalid setting is an error of usage.
  const unreadable = draft.mistakes.filter(({ about }) => about === 'setting').map(({ text }) => text);
  if (unreadable.length > 0) throw new ConfigurationError(unreadable);

  const forScripts = layers.extra.has('json');
  const steps = await runChecks(draft, forScripts ? () => {} : showStep);
  const ok = steps.every(({ status }) => status !== 'error');
  if (forScripts) {
    // Listed one by one: `found` is only for later steps.
    const shown = steps.map(({ step, region, status, detail, remedy }) => ({ step, region, status, detail, remedy }));
    say(JSON.stringify({ ok, steps: shown }, undefined, 2));
  }
  return ok ? 0 : 1;
};

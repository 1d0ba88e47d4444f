import { eventually } from './eventually.ts';

/** Resolves as soon as the condition holds, for what no event tells; fails after 20 s with what never came. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await eventually(condition, () => `never: ${what}`, 20_000);
}

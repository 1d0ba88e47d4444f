import { eventually } from './eventually.ts';

/** Resolves as soon as the condition holds; fails after 20 s. For conditions without an event to wait for. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await eventually(condition, () => `never: ${what}`, 20_000);
}

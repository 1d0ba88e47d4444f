import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

const patience = 20_000;

/** Resolves as soon as the condition holds, for what no event tells; fails after 20 s. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + patience;
  while (!condition()) {
    if (performance.now() > end) assert.fail(`never: ${what}`);
    await wait(5);
  }
}

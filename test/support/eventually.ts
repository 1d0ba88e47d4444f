import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * Resolves as soon as a look says so; fails when none does within `patience` ms, which is there to end a test that has
 * failed and not to measure time.
 *
 * @param say what the failure says
 */
export async function eventually(
  look: () => boolean | Promise<boolean>,
  say: () => string,
  patience = 60_000,
): Promise<void> {
  for (const end = performance.now() + patience; !(await look());) {
    if (performance.now() > end) assert.fail(say());
    await wait(5);
  }
}

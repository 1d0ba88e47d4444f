import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * Resolves as soon as the condition holds; fails if it does not within `timeoutMs`. The timeout ends a test that has
 * failed; it does not measure time.
 *
 * @param describe the message of the failure
 */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  describe: () => string,
  timeoutMs = 60_000,
): Promise<void> {
  for (const end = performance.now() + timeoutMs; !(await condition());) {
    if (performance.now() > end) assert.fail(describe());
    await wait(5);
  }
}

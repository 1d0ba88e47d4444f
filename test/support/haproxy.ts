import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { eventually } from './eventually.ts';

/**
 * Starts HAProxy, and waits until it forwards.
 *
 * @param command the HAProxy command
 * @param file its configuration
 * @param env environment variables that the configuration reads
 * @param forwards sends a request through it, and returns whether that worked
 */
export async function startHaproxy(
  t: TestContext,
  command: string,
  file: string,
  env: Readonly<Record<string, string | number>>,
  forwards: () => Promise<boolean>,
): Promise<void> {
  const child = spawn(command, ['-db', '-q', '-f', file], {
    env: {
      PATH: process.env['PATH'] ?? '',
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  t.after(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await eventually(
    () => {
      assert.equal(child.exitCode, null, errors);
      return forwards();
    },
    () => `HAProxy does not forward:\n${errors}`,
  );
}

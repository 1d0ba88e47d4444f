import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How to find out whether a program is installed. */
export interface Probe {
  /** Its possible commands, in order of preference; by default its name. */
  readonly commands?: readonly string[];
  /** Arguments with which it exits immediately with 0; by default `--version`. */
  readonly args?: readonly string[];
  /** The Debian package that it is in; by default its name. */
  readonly debianPackage?: string;
}

/**
 * The command of a program that a test needs.
 *
 * @returns `undefined` if the program is missing: the test is then skipped with `skipped: no NAME`, and must return.
 *   With `CI=true` it fails instead, and names the package to install.
 */
export async function needProgram(
  t: TestContext,
  name: string,
  { commands = [name], args = ['--version'], debianPackage = name }: Probe = {},
): Promise<string | undefined> {
  for (const command of commands) {
    try {
      await run(command, args);
      return command;
    } catch {
      // Not installed, or without what the test needs: try the next one.
    }
  }
  if (process.env['CI'] === 'true') assert.fail(`no ${name}: install the Debian package ${debianPackage}`);
  t.skip(`skipped: no ${name}`);
  return undefined;
}

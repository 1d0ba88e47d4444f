import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** The program, running as its own process. */
export interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Everything it has written so far to both outputs. */
  output(): string;
  /** Resolves with the first match in the output; fails if the program ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;
}

/** How a process ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts the program with these arguments, in an empty directory, with only `env` in its environment. It ends with the
 * test.
 */
export function startCli(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = emptyDirectory(t),
): Running {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const watch of watchers) watch();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const watch of watchers) watch();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  t.after(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return {
    child,
    ended,
    output: () => stdout + stderr,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const match = pattern.exec(stdout + stderr);
          if (match === null) return;
          watchers.delete(watch);
          resolve(match);
        };
        watchers.add(watch);
        void ended.then(() => reject(new Error(`ended without printing ${pattern}:\n${stdout}${stderr}`)));
        watch();
      }),
  };
}

/** Runs the program until it ends. */
export function runCli(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Ended> {
  return startCli(t, args, env, cwd).ended;
}

/** A directory that is removed after the test. */
export function emptyDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'maas-auth-proxy-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

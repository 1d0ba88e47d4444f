import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { emptyDirectory } from './cli.ts';
import { looksLike, stepsOf } from './guide.ts';
import { freePorts } from './ports.ts';
import { needProgram } from './programs.ts';
import { until } from './until.ts';

/**
 * A shell that runs the commands of a guide as its reader would: in a directory, with `maas-auth-proxy` on the PATH.
 */
export interface Desk {
  /** Runs all commands of a guide. Fails at the first that fails, or prints something else than the guide shows. */
  follow(guide: string): Promise<void>;
}

/**
 * Starts the shell.
 *
 * @param programs the programs that the guide needs
 * @param replaced replacements for text in the guide, such as a port
 * @param env further environment variables
 * @returns `undefined` if a program is missing; the test is then skipped
 */
export async function makeDesk(
  t: TestContext,
  programs: readonly string[],
  replaced: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string>> = {},
): Promise<Desk | undefined> {
  const directory = emptyDirectory(t);
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const start = `#!/bin/sh\nexec '${process.execPath}' '${resolve('dist/src/cli.js')}' "$@"\n`;
  writeFileSync(join(bin, 'maas-auth-proxy'), start);
  chmodSync(join(bin, 'maas-auth-proxy'), 0o755);
  for (const name of programs) {
    const found = await needProgram(t, name, probes[name]);
    if (found === undefined) return undefined;
    if (found.startsWith('/')) symlinkSync(found, join(bin, name));
  }

  const open = (...args: readonly string[]): ChildProcessWithoutNullStreams => {
    const child = spawn('bash', ['--norc', ...args], {
      cwd: directory,
      env: {
        PATH: `${bin}:${process.env['PATH']}`,
        HOME: directory,
        NO_PROXY: 'localhost',
        no_proxy: 'localhost',
        ...env,
      },
      // Its own process group, so that all of its processes can be killed.
      detached: true,
    });
    const exit = once(child, 'exit');
    t.after(async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await exit;
    });
    return child;
  };
  const substitute = (text: string): string => {
    const names = new RegExp(
      `\\b(?:${[...replaced.keys()].map((name) => name.replaceAll('.', '\\.')).join('|')})\\b`,
      'g',
    );
    return text.replaceAll(names, (name) => replaced.get(name) ?? name);
  };

  const { stdin, stdout } = open('-c', 'exec bash --norc 2>&1');
  let printed = '';
  stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  // A block fails if any of its commands fails, not only the last one.
  stdin.write("set -o pipefail; trap 'failed=$?' ERR\n");
  /** Runs a command in the first terminal. @returns the exit code, and the output */
  const type = async (command: string): Promise<{ code: number; output: string }> => {
    printed = '';
    stdin.write(`failed=0\n${command}\necho ":done:$failed"\n`);
    await until(() => /:done:\d+\n$/.test(printed), `the end of ${command}`);
    const [, output = '', code] = /^([^]*):done:(\d+)\n$/.exec(printed) ?? [];
    return { code: Number(code), output };
  };
  const terminals = new Map<string, ChildProcessWithoutNullStreams>();
  /** Runs a command in its own terminal, and waits until it prints `up`. Stops an earlier run with Ctrl-C first. */
  const openTerminal = async (command: string, up: string): Promise<void> => {
    const before = terminals.get(command);
    if (before?.pid !== undefined) {
      process.kill(-before.pid, 'SIGINT');
      const [code] = (await once(before, 'exit')) as [number | null];
      assert.equal(code, 0, `${command} stops on Ctrl-C`);
    }
    const child = open('-c', command);
    terminals.set(command, child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    await until(() => output.includes(up) || child.exitCode !== null, `${command} prints ${up}`);
    assert.equal(child.exitCode, null, output);
  };

  return {
    async follow(guide) {
      const steps = stepsOf(guide);
      assert.ok(steps.length > 0, `${guide} has commands`);
      for (const { place, command, output: shown, up } of steps) {
        if (up !== undefined) {
          await openTerminal(substitute(command), up);
          continue;
        }
        const { code, output } = await type(substitute(command));
        assert.equal(code, 0, `${place}: ${command}\n${output}`);
        if (shown === undefined || looksLike(output, substitute(shown))) continue;
        assert.fail(`${place}: ${command}\nprinted:\n${output}\nnot:\n${shown}`);
      }
    },
  };
}

/** A free port for each port of a guide. */
export async function replacementPorts(...ports: readonly number[]): Promise<Map<string, string>> {
  const free = await freePorts(ports.length);
  return new Map(ports.map((port, index) => [String(port), String(free[index])]));
}

/** How to find programs that cannot be found by their name and `--version`. */
const probes: Readonly<Record<string, NonNullable<Parameters<typeof needProgram>[2]>>> = {
  openssl: { args: ['version'] },
  uuidgen: { debianPackage: 'uuid-runtime' },
  http: { debianPackage: 'httpie' },
  python3: {
    // The system's own Python first: the Debian package installs the module for it.
    commands: ['/usr/bin/python3', 'python3'],
    args: ['-c', 'import requests_oauthlib'],
    debianPackage: 'python3-requests-oauthlib',
  },
};

// What nginx, HAProxy and Caddy have in common: a file of settings, and a process in the foreground.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePorts } from '../../support/ports.ts';
import type { Program } from './target.ts';

const execute = promisify(execFile);

/** Where a peer is to listen, what is behind it, and a directory of its own. */
export interface Place {
  readonly port: number;
  readonly originPort: number;
  readonly directory: string;
}

/** How a peer is run. */
export interface Peer {
  readonly name: string;
  readonly command: string;
  /** Arguments with which it tells its version, and where that stands in what it prints. */
  readonly version: readonly [args: readonly string[], pattern: RegExp];
  /** The name of its file of settings. */
  readonly file: string;
  settings(place: Place): string;
  args(file: string, directory: string): readonly string[];
}

/** Makes a program out of a peer. */
export function peerProgram(peer: Peer): Program {
  return {
    name: peer.name,
    async version() {
      try {
        const { stdout, stderr } = await execute(peer.command, peer.version[0]);
        return peer.version[1].exec(stdout + stderr)?.[1];
      } catch {
        return undefined;
      }
    },
    async start(originPort) {
      const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
      const [port = 0] = await freePorts(1);
      const file = join(directory, peer.file);
      writeFileSync(file, peer.settings({ port, originPort, directory }));
      const child = spawn(peer.command, peer.args(file, directory), {
        cwd: directory,
        env: { PATH: process.env['PATH'] ?? '', HOME: directory },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
      const stop = async (): Promise<void> => {
        await end(child);
        rmSync(directory, { recursive: true, force: true });
      };
      if (await accepts(child, port)) return { port, pid: child.pid as number, stop };
      await stop();
      throw new Error(`${peer.name} did not start:\n${errors}`);
    },
  };
}

/** Ends a process that was started here, and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(timer);
}

/** For programs that do not tell when they are ready: they are when they accept. @returns whether it came to that */
export async function accepts(child: ChildProcess, port: number): Promise<boolean> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline && child.exitCode === null) {
    const socket = connect({ host: '127.0.0.1', port });
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      await wait(5);
    } finally {
      socket.destroy();
    }
  }
  return false;
}

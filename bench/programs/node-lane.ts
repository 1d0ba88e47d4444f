import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts, end } from '../../test/conformance/targets/peer.ts';
import { freePorts } from '../../test/support/ports.ts';
import type { Lane, Running } from './lane.ts';

/** How a program on Node is run. */
export interface NodeProgram {
  readonly name: string;
  /** The built file. */
  readonly file: URL;
  /** Flags of Node itself. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  /** Its environment; only PATH is added. */
  env(place: {
    readonly port: number;
    readonly originPort: number;
    readonly directory: string;
  }): Readonly<Record<string, string>>;
  /** Prepares its start. @returns header fields that a client has to send it */
  prepare?(directory: string): Promise<readonly string[]>;
}

/**
 * A program on the same Node as the bench. Its output goes to /dev/null, so the cost of writing the log is included.
 */
export function nodeLane(program: NodeProgram): Lane {
  return {
    name: program.name,
    version: () => Promise.resolve(process.versions.node),
    async start(originPort): Promise<Running> {
      const directory = mkdtempSync(join(tmpdir(), 'bench-'));
      const headers = (await program.prepare?.(directory)) ?? [];
      const [port = 0] = await freePorts(1);
      const startedAt = performance.now();
      const child = spawn(
        process.execPath,
        [...(program.flags ?? []), program.file.pathname, ...(program.args ?? [])],
        {
          cwd: directory,
          env: { PATH: process.env['PATH'] ?? '', ...program.env({ port, originPort, directory }) },
          stdio: 'ignore',
        },
      );
      const stop = async (): Promise<void> => {
        await end(child);
        rmSync(directory, { recursive: true, force: true });
      };
      if (await accepts(child, port)) return { port, pid: child.pid as number, headers, startedAt, stop };
      await stop();
      throw new Error(`${program.name} did not start (exit code ${child.exitCode})`);
    },
  };
}

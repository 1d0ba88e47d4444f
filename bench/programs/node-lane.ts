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
  /** For Node itself. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  /** Its environment; there is nothing else in it but PATH. */
  env(place: {
    readonly port: number;
    readonly originPort: number;
    readonly directory: string;
  }): Readonly<Record<string, string>>;
  /** What is to be done before it starts. @returns header fields that a client has to send it */
  prepare?(directory: string): Promise<readonly string[]>;
}

/** A program on the Node that runs the bench. What it writes goes to /dev/null, so that its log costs what writing costs. */
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

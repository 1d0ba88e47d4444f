import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../../../src/version.ts';
import { end } from './peer.ts';
import type { Program } from './target.ts';

const cli = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const key = 'ConformanceKey0000:ConformanceToken00:ConformanceSecretConformance0000';

/** This program, as a process of its own in an empty directory. */
export const ours: Program = {
  name: 'maas-auth-proxy',
  asksAtStart: true,
  version: () => Promise.resolve(version),
  async start(originPort) {
    const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
    const child = spawn(process.execPath, [cli, 'serve', '--port', '0', '--admin-port', 'off'], {
      cwd: directory,
      env: {
        PATH: process.env['PATH'] ?? '',
        MAAS_URL: `http://127.0.0.1:${originPort}`,
        MAAS_API_KEY: key,
        LOG_FORMAT: 'json',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const port = await new Promise<number>((resolve, reject) => {
      let output = '';
      const read = (text: string): void => {
        output += text;
        const [, found] = /"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(output) ?? [];
        if (found !== undefined) resolve(Number(found));
      };
      child.stdout.setEncoding('utf8').on('data', read);
      child.stderr.setEncoding('utf8').on('data', read);
      child.once('exit', (code) => reject(new Error(`maas-auth-proxy ended with ${code}:\n${output}`)));
    });
    return {
      port,
      pid: child.pid as number,
      async stop() {
        await end(child);
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
};

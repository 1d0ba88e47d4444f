import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEMO_ADMIN_KEY } from '../../src/simulator/simulator.ts';
import type { Lane } from './lane.ts';
import { nodeLane } from './node-lane.ts';

const cli = new URL('../../src/cli.js', import.meta.url);

/** With the defaults, except for the port of the admin listener, because several run at the same time. */
export const ours = ourLane('ours, defaults', {});

/** With the environment of the image. */
export const oursImage = ourLane('ours, as in the image', imageEnvironment());

/** Without its checks: any name in `Host`, and every operation. */
export const oursUnguarded = ourLane('ours, unguarded', { ALLOWED_HOSTS: '*', POLICY: 'unrestricted' });

/** With everything turned off that can be. */
export const oursBare = ourLane('ours, all off', {
  ALLOWED_HOSTS: '*',
  POLICY: 'unrestricted',
  ADMIN_PORT: 'off',
  LOG_LEVEL: 'silent',
  JSON_TO_FORM: 'false',
  COALESCE: 'false',
  COMPRESS: 'false',
});

/** Identical reads are not collapsed: each of them goes to MAAS. */
export const oursUncollapsed = ourLane('ours, no collapsing', { COALESCE: 'false' });

/** As a team's gateway; the client's key is a Bearer token. */
export const oursGateway = ourLane('ours, gateway', { CLIENTS_FILE: 'clients.json' }, async (directory) => {
  const args = ['keys', 'add', 'bench', '--clients-file', join(directory, 'clients.json')];
  const { stdout } = await promisify(execFile)(process.execPath, [cli.pathname, ...args], { cwd: directory });
  return [`Authorization: Bearer ${stdout.trim()}`];
});

/** What the Dockerfile sets for Node. */
function imageEnvironment(): Readonly<Record<string, string>> {
  const dockerfile = readFileSync(new URL('../../../Dockerfile', import.meta.url), 'utf8');
  return Object.fromEntries(
    [...dockerfile.matchAll(/^(?:ENV| {3}) (NODE_\w+)=(\S+)/gm)].map(([, name, value]) => [name, value]),
  );
}

function ourLane(
  name: string,
  settings: Readonly<Record<string, string>>,
  prepare?: (directory: string) => Promise<readonly string[]>,
): Lane {
  return nodeLane({
    name,
    file: cli,
    // As in `npm start`.
    flags: ['--v8-pool-size=1'],
    env: ({ port, originPort }) => ({
      MAAS_URL: `http://127.0.0.1:${originPort}`,
      MAAS_API_KEY: DEMO_ADMIN_KEY,
      PORT: String(port),
      ADMIN_PORT: '0',
      LOG_FORMAT: 'json',
      ...settings,
    }),
    ...(prepare !== undefined && { prepare }),
  });
}

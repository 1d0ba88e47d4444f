import { mkdtempSync, openSync, closeSync, ftruncateSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerProgram } from '../test/conformance/targets/peer.ts';
import { apiRoot } from './programs/lane.ts';

/** A server in MAAS's place: an nginx that responds immediately. */
export interface Origin {
  readonly port: number;
  stop(): Promise<void>;
}

/** The sizes of its responses, bytes, each at the path of its name. */
const responses = { small: 200, usual: 2_000, large: 870_000 } as const;

/** The path of a response by its name; `download` is the long one. */
export function responsePath(name: keyof typeof responses | 'download'): string {
  return `${apiRoot}/bench-${name}/`;
}

/**
 * Starts the origin.
 *
 * @param download the length of the long response, bytes
 */
export async function startOrigin(download: number): Promise<Origin> {
  const files = mkdtempSync(join(tmpdir(), 'bench-origin-'));
  for (const [name, size] of Object.entries(responses)) writeFileSync(join(files, name), jsonOf(size));
  const long = openSync(join(files, 'download'), 'w');
  ftruncateSync(long, download); // a sparse file: nothing is read from the disk
  closeSync(long);
  const started = await peerProgram({
    name: 'the origin (nginx)',
    command: 'nginx',
    version: [['-v'], /nginx\/(\S+)/],
    file: 'nginx.conf',
    args: (file, directory) => ['-c', file, '-p', directory, '-e', 'stderr'],
    settings: ({ port, directory }) => settings(port, directory, files),
  }).start(0);
  return {
    port: started.port,
    async stop() {
      await started.stop();
      rmSync(files, { recursive: true, force: true });
    },
  };
}

/** JSON of a given size that resembles MAAS's lists. */
function jsonOf(size: number): string {
  const entry = '{"system_id":"4y3h7n","hostname":"calm-otter","status_name":"Deployed"},';
  return `[${entry.repeat(Math.ceil(size / entry.length)).slice(0, size - 2)}]`;
}

function settings(port: number, directory: string, files: string): string {
  const locations = [...Object.keys(responses), 'download'].map(
    (name) =>
      `location = ${apiRoot}/bench-${name}/ { default_type application/json; root ${files}; try_files /${name} =404; }`,
  );
  return `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr crit;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 16384; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16;
  keepalive_requests 10000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=8192;
    default_type application/json;
    location = ${apiRoot}/version/ { return 200 '{"version":"3.7.3","subversion":"","capabilities":[]}'; }
    location = ${apiRoot}/users/ { return 200 '{"username":"admin","is_superuser":true}'; }
    ${locations.join('\n    ')}
  }
}
`;
}

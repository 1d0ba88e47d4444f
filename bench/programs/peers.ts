// nginx, HAProxy and Caddy, configured by their documentation for the same job: sign, and keep connections to MAAS
// alive.
import { DEMO_ADMIN_KEY } from '../../src/simulator/simulator.ts';
import { peerProgram, type Peer } from '../../test/conformance/targets/peer.ts';
import type { Lane } from './lane.ts';

const [consumer, token, secret] = DEMO_ADMIN_KEY.split(':');

/** The header that signs; each program writes a quote, a nonce, the time and a percent sign in its own way. */
function signature(quote: string, nonce: string, timestamp: string, percent = '%'): string {
  const fields = {
    oauth_version: '1.0',
    oauth_signature_method: 'PLAINTEXT',
    oauth_consumer_key: consumer,
    oauth_token: token,
    oauth_signature: `${percent}26${secret}`,
    oauth_nonce: nonce,
    oauth_timestamp: timestamp,
  };
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${quote}${value}${quote}`);
  return `OAuth ${pairs.join(', ')}`;
}

export const nginx = peerLane({
  name: 'nginx',
  command: 'nginx',
  version: [['-v'], /nginx\/(\S+)/],
  file: 'nginx.conf',
  args: (file, directory) => ['-c', file, '-p', directory, '-e', 'stderr'],
  settings: ({ port, originPort, directory }) => `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr crit;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000;
  upstream maas {
    server 127.0.0.1:${originPort};
    keepalive 256;
    keepalive_requests 1000000;
  }
  map $msec $seconds { "~^(?<whole>[0-9]+)" $whole; }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    location / {
      proxy_pass http://maas;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:${originPort};
      proxy_set_header Authorization '${signature('"', '$request_id', '$seconds')}';
    }
  }
}
`,
});

export const haproxy = peerLane({
  name: 'HAProxy',
  command: 'haproxy',
  version: [['-v'], /version (\S+)/],
  file: 'haproxy.cfg',
  args: (file) => ['-db', '-q', '-f', file],
  settings: ({ port, originPort }) => `
global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 930s
frontend clients
  bind 127.0.0.1:${port} backlog 8192
  http-request set-header Authorization "${signature('\\"', '%[uuid()]', '%[date()]', '%%')}"
  http-request set-header Host 127.0.0.1:${originPort}
  default_backend maas
backend maas
  http-reuse always
  server maas 127.0.0.1:${originPort}
`,
});

export const caddy = peerLane({
  name: 'Caddy',
  command: 'caddy',
  version: [['version'], /v?(\d\S*)/],
  file: 'Caddyfile',
  args: (file) => ['run', '--config', file, '--adapter', 'caddyfile'],
  settings: ({ port, originPort, directory }) => `
{
  admin off
  auto_https off
  storage file_system ${directory}
  log {
    level ERROR
  }
  servers {
    protocols h1
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${originPort} {
    header_up Host {upstream_hostport}
    header_up Authorization \`${signature('"', '{http.request.uuid}', '{time.now.unix}')}\`
    transport http {
      versions 1.1
      compression off
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
});

function peerLane(peer: Peer): Lane {
  const program = peerProgram(peer);
  return {
    name: peer.name,
    version: () => program.version(),
    async start(originPort) {
      const startedAt = performance.now();
      return { ...(await program.start(originPort)), headers: [], startedAt };
    },
  };
}

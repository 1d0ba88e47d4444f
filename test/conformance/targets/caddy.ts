import { peerProgram } from './peer.ts';
import { fixedAuthorization } from './target.ts';

/** Caddy: connections to MAAS are kept, HTTP/1.1 alone on both sides, cookies do not pass, Via is told. */
export const caddy = peerProgram({
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
    max_header_size 64KiB
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${originPort} {
    header_up Host {upstream_hostport}
    header_up Authorization "${fixedAuthorization}"
    header_up -Cookie
    header_up +Via "{http.request.proto} caddy"
    header_down -Set-Cookie
    transport http {
      versions 1.1
      compression off
    }
  }
}
`,
});

import { peerProgram } from './peer.ts';
import { fixedAuthorization } from './target.ts';

/** HAProxy: connections to MAAS are kept, long lines are taken, cookies do not pass, Via is told. */
export const haproxy = peerProgram({
  name: 'HAProxy',
  command: 'haproxy',
  version: [['-v'], /version (\S+)/],
  file: 'haproxy.cfg',
  args: (file) => ['-db', '-q', '-f', file],
  settings: ({ port, originPort }) => `
global
  maxconn 256
  nbthread 1
  tune.bufsize 69632
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 930s
  timeout http-request 30s
frontend clients
  bind 127.0.0.1:${port}
  http-request set-header Authorization "${fixedAuthorization}"
  http-request set-header Host 127.0.0.1:${originPort}
  http-request del-header Cookie
  http-request add-header Via "%[req.ver] haproxy"
  http-response del-header Set-Cookie
  default_backend maas
backend maas
  http-reuse safe
  server maas 127.0.0.1:${originPort}
`,
});

import { peerProgram } from './peer.ts';
import { fixedAuthorization } from './target.ts';

/** nginx: connections to MAAS are kept, long lines are taken, cookies do not pass, Via is told. */
export const nginx = peerProgram({
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
events { worker_connections 256; }
http {
  access_log off;
  server_tokens off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  client_max_body_size 100m;
  large_client_header_buffers 4 64k;
  upstream maas {
    server 127.0.0.1:${originPort};
    keepalive 16;
  }
  map $http_via $via {
    "" "$server_protocol nginx";
    default "$http_via, $server_protocol nginx";
  }
  server {
    listen 127.0.0.1:${port};
    server_name _;
    location / {
      proxy_pass http://maas;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:${originPort};
      proxy_set_header Authorization "${fixedAuthorization}";
      proxy_set_header Cookie "";
      proxy_set_header Via $via;
      proxy_read_timeout 930s;
      proxy_buffer_size 64k;
      proxy_buffers 4 64k;
      proxy_busy_buffers_size 64k;
      proxy_hide_header Set-Cookie;
    }
  }
}
`,
});

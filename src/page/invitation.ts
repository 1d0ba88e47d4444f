import type { Exchange } from '../exchange.ts';
import { version } from '../version.ts';
import { sendOwn } from './send-own.ts';
import { schemeOf } from '../http/scheme.ts';

/** The response at `/` for programs and terminals: the address of the page, and three commands to try. */
export function sendInvitation(exchange: Exchange): void {
  const { request } = exchange;
  const url = `${schemeOf(request.socket)}://${request.headers.host ?? 'localhost'}`;
  const lines = [
    `maas-auth-proxy ${version} signs your requests and forwards them to MAAS.`,
    `Open ${url}/ in a browser to see and call every operation of MAAS, or try:`,
    '',
    `  curl ${url}/version/`,
    `  curl '${url}/users/?op=whoami'`,
    `  curl ${url}/machines/`,
    '',
  ];
  sendOwn(
    exchange,
    200,
    { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache', Vary: 'Accept' },
    lines.join('\n'),
  );
}

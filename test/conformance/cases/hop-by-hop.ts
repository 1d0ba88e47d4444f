import type { Case, RequestExpected } from '../case.ts';
import { forwarded, get, message, path, post } from './words.ts';

function dropped(id: string, title: string, level: Case['level'], fields: readonly string[], lacks: string[]): Case {
  return { id, title, section: 'RFC 9110 §7.6.1', level, send: get(...fields), expect: [forwarded({ lacks })] };
}

function via(id: string, title: string, send: string, expected: RequestExpected): Case {
  return { id, title, section: 'RFC 9110 §7.6.3', level: 'MUST', send, expect: [forwarded(expected)] };
}

/** What belongs to one connection, and what tells of the way (RFC 9110 §7.6, §7.8). */
export const hopByHop: readonly Case[] = [
  dropped(
    'hop-listed',
    'a field that Connection names is dropped',
    'MUST',
    ['Connection: X-Test', 'X-Test: a'],
    ['X-Test'],
  ),
  dropped(
    'hop-listed-in-two',
    'fields that two Connection fields name are dropped',
    'MUST',
    ['Connection: keep-alive, X-One', 'X-One: a', 'connection: X-Two', 'X-Two: b'],
    ['X-One', 'X-Two'],
  ),
  dropped(
    'hop-listed-odd',
    'names in Connection are read without regard to case and white space',
    'MUST',
    ['Connection: ,keep-alive\t ,, \tx-TEST,', 'X-Test: a'],
    ['X-Test'],
  ),
  {
    id: 'hop-connection',
    title: 'Connection itself is not passed on',
    section: 'RFC 9110 §7.6.1',
    level: 'MUST',
    send: get('Connection: keep-alive, X-Test'),
    expect: [forwarded({ lacks: ['Connection'] }), forwarded({ has: { Connection: /^(?:keep-alive|close)$/i } })],
  },
  dropped('hop-keep-alive', 'Keep-Alive is dropped', 'SHOULD', ['Keep-Alive: timeout=5, max=100'], ['Keep-Alive']),
  dropped(
    'hop-proxy-connection',
    'Proxy-Connection is dropped',
    'SHOULD',
    ['Proxy-Connection: keep-alive'],
    ['Proxy-Connection'],
  ),
  dropped('hop-te', 'TE is dropped', 'SHOULD', ['TE: gzip;q=0.5'], ['TE']),
  dropped('hop-te-listed', 'TE is dropped when Connection names it', 'MUST', ['Connection: TE', 'TE: gzip'], ['TE']),
  dropped('hop-upgrade', 'Upgrade is dropped', 'SHOULD', ['Upgrade: foo/2'], ['Upgrade']),
  {
    id: 'hop-h2c',
    title: 'an upgrade to h2c does not reach MAAS',
    section: 'RFC 9110 §7.8',
    level: 'SHOULD',
    send: get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    expect: [forwarded({ lacks: ['Upgrade', 'HTTP2-Settings'] })],
  },
  {
    id: 'hop-websocket',
    title: 'where Upgrade is passed on, Connection names it',
    section: 'RFC 9110 §7.8',
    level: 'MUST',
    send: get(
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ),
    expect: [forwarded({ lacks: ['Upgrade'] }), forwarded({ has: { Upgrade: 'websocket', Connection: /upgrade/i } })],
  },
  {
    id: 'hop-upgrade-1.0',
    title: 'Upgrade in HTTP/1.0 is ignored',
    section: 'RFC 9110 §7.8',
    level: 'MUST',
    send: message(`GET ${path} HTTP/1.0`, 'Host: {host}', 'Connection: Upgrade', 'Upgrade: websocket'),
    expect: [forwarded({ lacks: ['Upgrade'] })],
  },
  {
    id: 'hop-lists-length',
    title: 'Connection: Content-Length does not take the body its length',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post(['Connection: Content-Length', 'Content-Length: 5'], 'hello'),
    expect: [forwarded({ body: 'hello' }), { label: '400', client: [{ status: 400 }], maas: [] }],
  },
  {
    id: 'hop-lists-coding',
    title: 'Connection: Transfer-Encoding does not take the body its framing',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post(['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    expect: [forwarded({ body: 'hello' }), { label: '400', client: [{ status: 400 }], maas: [] }],
  },
  {
    id: 'hop-lists-host',
    title: 'Connection: Host does not take the request its Host',
    section: 'RFC 9112 §3.2',
    level: 'MUST',
    send: get('Connection: Host'),
    expect: [forwarded({ has: { Host: /./ } }), { label: '400', client: [{ status: 400 }], maas: [] }],
  },
  via('via-added', 'Via tells MAAS of the program', get(), { has: { Via: /^(?:HTTP\/)?1\.1 \S+$/ } }),
  via('via-1.0', 'Via tells in which version the request came', message(`GET ${path} HTTP/1.0`, 'Host: {host}'), {
    has: { Via: /^(?:HTTP\/)?1\.0 \S+$/ },
  }),
  via('via-appended', 'a Via that is there is kept, and comes first', get('Via: 1.0 fred, 1.1 p.example'), {
    joined: { Via: /^1\.0 fred, 1\.1 p\.example, (?:HTTP\/)?1\.1 \S+$/ },
  }),
];

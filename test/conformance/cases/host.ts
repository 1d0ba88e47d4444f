import type { Case } from '../case.ts';
import { forwarded, message, path, refused } from './words.ts';

const withHost = (...lines: readonly string[]): string => message(`GET ${path} HTTP/1.1`, ...lines);

function invalid(id: string, title: string, value: string): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §3.2',
    level: 'MUST',
    send: withHost(`Host: ${value}`),
    expect: [refused(400)],
  };
}

/** The Host field (RFC 9112 §3.2): one, valid, and MAAS's own on the way out. */
export const hostField: readonly Case[] = [
  {
    id: 'host-missing',
    title: 'a request without Host is a 400',
    section: 'RFC 9112 §3.2',
    level: 'MUST',
    send: withHost('Accept: */*'),
    expect: [refused(400)],
  },
  {
    id: 'host-missing-1.0',
    title: 'a request in HTTP/1.0 may lack Host',
    section: 'RFC 9112 §3.2',
    level: 'SHOULD',
    send: message(`GET ${path} HTTP/1.0`),
    expect: [forwarded({ has: { Host: /./ } })],
  },
  {
    id: 'host-twice',
    title: 'two Host fields are a 400',
    section: 'RFC 9112 §3.2',
    level: 'MUST',
    send: withHost('Host: {host}', 'Host: other.example'),
    expect: [refused(400)],
  },
  {
    id: 'host-twice-same',
    title: 'two Host fields are a 400, equal ones too',
    section: 'RFC 9112 §3.2',
    level: 'MUST',
    send: withHost('Host: {host}', 'host: {host}'),
    expect: [refused(400)],
  },
  {
    id: 'host-empty',
    title: 'an empty Host is valid; whether it is served is up to the server',
    section: 'RFC 9110 §7.2',
    level: 'MAY',
    send: withHost('Host:'),
    expect: [refused(400, 404, 421), forwarded()],
  },
  invalid('host-space', 'a space in Host is a 400', 'local host'),
  invalid('host-slash', 'a path in Host is a 400', '{host}/machines'),
  invalid('host-userinfo', 'user information in Host is a 400', 'admin@{host}'),
  invalid('host-scheme', 'an address with a scheme in Host is a 400', 'http://{host}'),
  invalid('host-query', 'a query in Host is a 400', '{host}?a'),
  invalid('host-list', 'a list of hosts is a 400', '{host}, other.example'),
  invalid('host-port-letters', 'a port of letters is a 400', 'localhost:http'),
  invalid('host-port-twice', 'two ports are a 400', 'localhost:{port}:80'),
  invalid('host-bracket', 'an unclosed bracket is a 400', '[::1'),
  invalid('host-8-bit', 'a byte beyond ASCII in Host is a 400', 'caf\xe9.example'),
  invalid('host-percent', 'a "%" without two hexadecimal digits in Host is a 400', 'a%zz'),
  invalid('host-nul', 'a null byte in Host is a 400', 'local\0host'),
  {
    id: 'host-space-before-colon',
    title: 'white space between Host and its colon is a 400',
    section: 'RFC 9112 §5.1',
    level: 'MUST',
    send: withHost('Host : {host}'),
    expect: [refused(400)],
  },
  {
    id: 'host-ipv6',
    title: 'an IPv6 address with a port is valid',
    section: 'RFC 9110 §7.2',
    level: 'MUST',
    send: withHost('Host: [::1]:{port}'),
    expect: [forwarded()],
  },
  {
    id: 'host-upper-case',
    title: 'Host names are the same in upper case',
    section: 'RFC 9110 §4.2.3',
    level: 'MUST',
    send: withHost('HOST: LOCALHOST:{port}'),
    expect: [forwarded()],
  },
  {
    id: 'host-white-space',
    title: 'white space around Host does not belong to it',
    section: 'RFC 9110 §5.5',
    level: 'MUST',
    send: withHost('Host: \t {host} \t '),
    expect: [forwarded()],
  },
];

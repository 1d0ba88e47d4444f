import type { Case, Outcome } from '../case.ts';
import { chunked, forwarded, get, message, okExpected, path, post, refused, refusedAndClosed } from './words.ts';

/** A request that is only seen where two readers disagree about the one before it. */
const smuggled = 'GET /MAAS/api/2.0/smuggled/ HTTP/1.1\r\nHost: localhost\r\n\r\n';

function badLength(id: string, title: string, ...fields: readonly string[]): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post(fields, `hello${smuggled}`),
    expect: [refusedAndClosed(400)],
  };
}

function badCoding(id: string, title: string, level: Case['level'], ...fields: readonly string[]): Case {
  return {
    id,
    title,
    section: level === 'MUST' ? 'RFC 9112 §6.3' : 'RFC 9112 §6.1',
    level,
    send: post(fields, `5\r\nhello\r\n0\r\n\r\n${smuggled}`),
    expect: [refusedAndClosed(400, 501)],
  };
}

/** One request by Transfer-Encoding, after which the connection is closed. */
const byCoding = (body: string): Outcome => ({
  ...forwarded({ body }),
  label: 'forwarded, closed',
  connection: 'closed',
});

/** Content-Length of requests (RFC 9112 §6.2, §6.3; RFC 9110 §8.6). */
export const contentLength: readonly Case[] = [
  {
    id: 'length-body',
    title: 'a body of known length passes',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post(['Content-Length: 11'], 'a\0b\r\n\r\n\xff\xfe 1'),
    expect: [forwarded({ body: 'a\0b\r\n\r\n\xff\xfe 1' })],
  },
  {
    id: 'length-none',
    title: 'a POST without length and coding has no body',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post([], ''),
    expect: [forwarded({ body: '' })],
  },
  {
    id: 'length-zero',
    title: 'Content-Length: 0 is an empty body',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post(['Content-Length: 0'], ''),
    expect: [forwarded({ body: '' })],
  },
  {
    id: 'length-zeros',
    title: 'leading zeros are valid',
    section: 'RFC 9110 §8.6',
    level: 'MUST',
    send: post(['Content-Length: 0005'], 'hello'),
    expect: [forwarded({ body: 'hello' })],
  },
  {
    id: 'length-get',
    title: 'the body of a GET is not taken for the next request',
    section: 'RFC 9112 §9.3',
    level: 'MUST',
    send: get(`Content-Length: ${smuggled.length}`) + smuggled,
    expect: [forwarded({ method: 'GET', target: path }), refusedAndClosed(400, 413)],
  },
  badLength('length-plus', 'Content-Length: +5 is a 400', 'Content-Length: +5'),
  badLength('length-minus', 'Content-Length: -5 is a 400', 'Content-Length: -5'),
  badLength('length-hex', 'Content-Length: 0x5 is a 400', 'Content-Length: 0x5'),
  badLength('length-empty', 'an empty Content-Length is a 400', 'Content-Length:'),
  badLength('length-word', 'Content-Length: five is a 400', 'Content-Length: five'),
  badLength('length-decimal', 'Content-Length: 5.0 is a 400', 'Content-Length: 5.0'),
  badLength('length-two-words', 'Content-Length: 5 5 is a 400', 'Content-Length: 5 5'),
  badLength('length-vt', 'a vertical tab after Content-Length is a 400', 'Content-Length: 5\x0b'),
  badLength('length-list', 'Content-Length: 5, 6 is a 400', 'Content-Length: 5, 6'),
  badLength(
    'length-twice',
    'two Content-Length fields that differ are a 400',
    'Content-Length: 5',
    'Content-Length: 6',
  ),
  badLength('length-twice-zero', 'Content-Length 0 and 5 are a 400', 'Content-Length: 0', 'Content-Length: 5'),
  {
    id: 'length-overflow',
    title: 'a Content-Length of 2^64+5 is not read as 5',
    section: 'RFC 9110 §8.6',
    level: 'MUST',
    send: post(['Content-Length: 18446744073709551621'], `hello${smuggled}`),
    expect: [refusedAndClosed(400, 413)],
  },
  {
    id: 'length-list-same',
    title: 'Content-Length: 5, 5 is a 400, or 5',
    section: 'RFC 9110 §8.6',
    level: 'MUST',
    send: post(['Content-Length: 5, 5'], 'hello'),
    expect: [refusedAndClosed(400), forwarded({ body: 'hello', has: { 'Content-Length': '5' } })],
  },
  {
    id: 'length-twice-same',
    title: 'two equal Content-Length fields are a 400, or one',
    section: 'RFC 9110 §8.6',
    level: 'MUST',
    send: post(['Content-Length: 5', 'Content-Length: 5'], 'hello'),
    expect: [refusedAndClosed(400), forwarded({ body: 'hello', has: { 'Content-Length': '5' } })],
  },
  {
    id: 'length-cut',
    title: 'a body that ends before its length does not reach MAAS whole',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: [{ send: post(['Content-Length: 10'], 'hello') }, { halfClose: true }],
    expect: [{ label: 'not delivered', noSuccess: true, connection: 'closed', maas: [] }],
  },
  {
    id: 'length-reset',
    title: 'a body that the client breaks off does not reach MAAS whole',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: [{ send: post(['Content-Length: 10'], 'hello') }, { abort: true }],
    expect: [{ label: 'not delivered', maas: [] }],
  },
];

/** Transfer-Encoding of requests, alone and beside Content-Length (RFC 9112 §6.1, §6.3). */
export const transferEncoding: readonly Case[] = [
  {
    id: 'coding-upper-case',
    title: 'the name of a coding is read without regard to case',
    section: 'RFC 9112 §7',
    level: 'MUST',
    send: post(['Transfer-Encoding: ChUnKeD'], '5\r\nhello\r\n0\r\n\r\n'),
    expect: [forwarded({ body: 'hello' })],
  },
  {
    id: 'coding-white-space',
    title: 'spaces around a coding do not belong to it',
    section: 'RFC 9110 §5.5',
    level: 'MUST',
    send: post(['Transfer-Encoding:   chunked  '], '5\r\nhello\r\n0\r\n\r\n'),
    expect: [forwarded({ body: 'hello' })],
  },
  {
    id: 'coding-tab',
    title: 'a tab behind a coding does not belong to it, or is refused: the body is never without framing',
    section: 'RFC 9110 §5.5',
    level: 'MUST',
    send: post(['Transfer-Encoding: chunked\t'], `5\r\nhello\r\n0\r\n\r\n`),
    expect: [forwarded({ body: 'hello' }), refusedAndClosed(400, 501)],
    note: 'the RFC would have the tab left out; a refusal is as safe, and passes here',
  },
  {
    id: 'coding-empty-element',
    title: 'an empty element of the list is ignored, or refused',
    section: 'RFC 9110 §5.6.1',
    level: 'MAY',
    send: post(['Transfer-Encoding: chunked,'], '5\r\nhello\r\n0\r\n\r\n'),
    expect: [forwarded({ body: 'hello' }), refusedAndClosed(400, 501)],
  },
  badCoding('coding-identity', 'Transfer-Encoding: identity is refused', 'MUST', 'Transfer-Encoding: identity'),
  badCoding('coding-gzip', 'Transfer-Encoding: gzip is refused', 'MUST', 'Transfer-Encoding: gzip'),
  badCoding(
    'coding-not-last',
    'chunked that is not the last coding is refused',
    'MUST',
    'Transfer-Encoding: chunked, gzip',
  ),
  badCoding('coding-unknown', 'Transfer-Encoding: xchunked is refused', 'MUST', 'Transfer-Encoding: xchunked'),
  badCoding('coding-empty', 'an empty Transfer-Encoding is refused', 'MUST', 'Transfer-Encoding:'),
  badCoding('coding-vt', 'a vertical tab before chunked is refused', 'MUST', 'Transfer-Encoding: \x0bchunked'),
  badCoding('coding-nul', 'a null byte after chunked is refused', 'MUST', 'Transfer-Encoding: chunked\0'),
  badCoding('coding-quoted', 'Transfer-Encoding: "chunked" is refused', 'MUST', 'Transfer-Encoding: "chunked"'),
  badCoding('coding-space', 'Transfer-Encoding: chunked chunked is refused', 'MUST', 'Transfer-Encoding: x chunked'),
  badCoding('coding-twice', 'chunked twice in a list is refused', 'SHOULD', 'Transfer-Encoding: chunked, chunked'),
  badCoding(
    'coding-two-fields',
    'chunked in two fields is refused',
    'SHOULD',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
  ),
  badCoding('coding-parameter', 'a parameter of chunked is refused', 'SHOULD', 'Transfer-Encoding: chunked;a=b'),
  {
    id: 'coding-gzip-chunked',
    title: 'a coding before chunked is a 501, or passes with the body as it is',
    section: 'RFC 9112 §6.1',
    level: 'SHOULD',
    send: post(['Transfer-Encoding: gzip, chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    expect: [
      refused(501),
      forwarded({ body: 'hello', has: { 'Transfer-Encoding': 'gzip, chunked' }, transferEncoding: 'gzip, chunked' }),
    ],
  },
  {
    id: 'coding-gzip-two-fields',
    title: 'the same in two fields',
    section: 'RFC 9112 §6.1',
    level: 'SHOULD',
    send: post(['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    expect: [
      refused(501),
      forwarded({ body: 'hello', joined: { 'Transfer-Encoding': 'gzip, chunked' }, transferEncoding: 'gzip, chunked' }),
    ],
  },
  {
    id: 'coding-space-before-colon',
    title: 'white space between Transfer-Encoding and its colon is a 400',
    section: 'RFC 9112 §5.1',
    level: 'MUST',
    send: post(['Transfer-Encoding : chunked', 'Content-Length: 5'], `hello${smuggled}`),
    expect: [refused(400)],
  },
  {
    id: 'coding-folded',
    title: 'a folded Transfer-Encoding is a 400, or read with its fold',
    section: 'RFC 9112 §5.2',
    level: 'MUST',
    send: post(['Transfer-Encoding:', ' chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    expect: [refused(400), forwarded({ body: 'hello' })],
  },
  {
    id: 'coding-1.0',
    title: 'a Transfer-Encoding in HTTP/1.0 is faulty: the connection is closed',
    section: 'RFC 9112 §6.1',
    level: 'MUST',
    send:
      message(`POST ${path} HTTP/1.0`, 'Host: {host}', 'Connection: keep-alive', 'Transfer-Encoding: chunked') +
      '5\r\nhello\r\n0\r\n\r\n',
    expect: [refusedAndClosed(400, 501), byCoding('hello')],
  },
  {
    id: 'smuggle-cl-te',
    title: 'with Content-Length and Transfer-Encoding, no second request is read behind the body',
    section: 'RFC 9112 §6.1',
    level: 'MUST',
    send: post(['Content-Length: 80', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`),
    expect: [refusedAndClosed(400), byCoding('')],
  },
  {
    id: 'smuggle-te-cl',
    title: 'with Transfer-Encoding and Content-Length, no second request is read within the body',
    section: 'RFC 9112 §6.1',
    level: 'MUST',
    send: post(
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
      '5c\r\nGPOST / HTTP/1.1\r\n\r\n'.padEnd(96, 'x') + '\r\n0\r\n\r\n',
    ),
    expect: [refusedAndClosed(400), byCoding('GPOST / HTTP/1.1\r\n\r\n'.padEnd(92, 'x'))],
  },
  {
    id: 'smuggle-close',
    title: 'after a request with both, the connection is closed',
    section: 'RFC 9112 §6.1',
    level: 'MUST',
    send: [{ send: post(['Content-Length: 15', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n') }],
    expect: [refusedAndClosed(400), byCoding('hello')],
  },
  {
    id: 'smuggle-0-cl',
    title: 'a bad Content-Length beside Transfer-Encoding is not believed',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post(['Content-Length: abc', 'Transfer-Encoding: chunked'], `5\r\nhello\r\n0\r\n\r\n`),
    expect: [refusedAndClosed(400), byCoding('hello')],
  },
  {
    id: 'smuggle-te-te',
    title: 'a second Transfer-Encoding that hides the first is refused',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: post(['Transfer-Encoding: chunked', 'Transfer-encoding: x', 'Content-Length: 5'], `0\r\n\r\n${smuggled}`),
    expect: [refusedAndClosed(400, 501)],
  },
  {
    id: 'smuggle-next-request',
    title: 'the next request begins behind the last chunk',
    section: 'RFC 9112 §7.1',
    level: 'MUST',
    send: chunked('5\r\nhello\r\n0\r\n\r\n') + get(),
    methods: ['POST', 'GET'],
    expect: [
      {
        label: 'two responses',
        client: [okExpected, okExpected],
        maas: [
          { method: 'POST', body: 'hello' },
          { method: 'GET', target: path, body: '' },
        ],
      },
      {
        label: 'two responses',
        client: [okExpected, okExpected],
        maas: [
          { method: 'GET', target: path, body: '' },
          { method: 'POST', body: 'hello' },
        ],
      },
    ],
  },
];

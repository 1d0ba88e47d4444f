import type { Case } from '../case.ts';
import { chunked, cutOff, forwarded, message, notDelivered, path, post, refused, refusedAndClosed } from './words.ts';

function valid(id: string, title: string, body: string, text = 'hello'): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §7.1',
    level: 'MUST',
    send: chunked(body),
    expect: [forwarded({ body: text })],
  };
}

function invalid(id: string, title: string, body: string): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §7.1',
    level: 'SHOULD',
    send: chunked(body),
    expect: [refusedAndClosed(400, 413)],
  };
}

function overflow(id: string, title: string, size: string): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §7.1',
    level: 'MUST',
    send: chunked(`${size}\r\nhello\r\n0\r\n\r\n`),
    expect: [notDelivered],
  };
}

function extension(id: string, title: string, text: string): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §7.1.1',
    level: 'MUST',
    send: chunked(`5${text}\r\nhello\r\n0${text}\r\n\r\n`),
    expect: [forwarded({ body: 'hello' })],
  };
}

/** Chunk sizes and chunk data (RFC 9112 §7.1). */
export const chunks: readonly Case[] = [
  valid('chunk-several', 'the chunks are one body', '1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n'),
  valid('chunk-none', 'the last chunk alone is an empty body', '0\r\n\r\n', ''),
  valid(
    'chunk-hex',
    'a size in hexadecimal, upper and lower case',
    `A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n`,
    '01234567890123456789',
  ),
  valid(
    'chunk-crlf-inside',
    'what looks like an end inside a chunk is data',
    '9\r\n\r\n0\r\n\r\n..\r\n0\r\n\r\n',
    '\r\n0\r\n\r\n..',
  ),
  valid('chunk-zeros', 'leading zeros of a size', '0005\r\nhello\r\n000\r\n\r\n'),
  {
    id: 'chunk-many-zeros',
    title: 'thirty leading zeros of a size are valid, or refused',
    section: 'RFC 9112 §7.1',
    level: 'MUST',
    send: chunked(`${'0'.repeat(30)}5\r\nhello\r\n0\r\n\r\n`),
    expect: [forwarded({ body: 'hello' }), cutOff],
  },
  overflow('chunk-overflow-64', 'a size of 2^64+5 is not read as 5', '10000000000000005'),
  overflow('chunk-overflow-32', 'a size of 2^32+5 is not read as 5', '100000005'),
  overflow('chunk-overflow-128', 'a size of 2^128+5 is not read as 5', '100000000000000000000000000000005'),
  overflow('chunk-overflow-sign', 'a size of 2^64-1 is not read as -1', 'ffffffffffffffff'),
  invalid('chunk-0x', 'a size of 0x5 is refused', '0x5\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-minus', 'a size of -5 is refused', '-5\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-plus', 'a size of +5 is refused', '+5\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-word', 'a size of xyz is refused', 'xyz\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-digit-then-letter', 'a size of 5g is refused', '5g\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-empty-size', 'a missing size is refused', '\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-empty-size-extension', 'a missing size before an extension is refused', ';a=b\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-space-before', 'a space before the size is refused', ' 5\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-space-after', 'a space after the size is refused', '5 \r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-underscore', 'a size of 0_5 is refused', '0_5\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-nul', 'a null byte after the size is refused', '5\0\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-too-short', 'data beyond the size is refused', '4\r\nhello\r\n0\r\n\r\n'),
  invalid('chunk-no-crlf', 'a missing CRLF after the data is refused', '5\r\nhello0\r\n\r\n'),
  invalid('chunk-other-crlf', 'two other bytes in place of CRLF after the data are refused', '5\r\nhelloXX0\r\n\r\n'),
  invalid('chunk-lf-after-size', 'a bare LF after the size is refused', '5\nhello\r\n0\r\n\r\n'),
  invalid('chunk-lf-after-data', 'a bare LF after the data is refused', '5\r\nhello\n0\r\n\r\n'),
  invalid('chunk-cr-after-size', 'a bare CR after the size is refused', '5\rhello\r\n0\r\n\r\n'),
  invalid('chunk-cr-after-data', 'a bare CR after the data is refused', '5\r\nhello\r0\r\n\r\n'),
  invalid('chunk-lf-last', 'a bare LF after the last chunk is refused', '5\r\nhello\r\n0\n\r\n'),
  {
    id: 'chunk-cut',
    title: 'a body without its last chunk does not reach MAAS whole',
    section: 'RFC 9112 §8',
    level: 'MUST',
    send: [{ send: chunked('5\r\nhello\r\n') }, { halfClose: true }],
    expect: [cutOff],
  },
  {
    id: 'chunk-reset',
    title: 'a chunked body that the client breaks off does not reach MAAS whole',
    section: 'RFC 9112 §8',
    level: 'MUST',
    send: [{ send: chunked('5\r\nhello\r\n') }, { abort: true }],
    expect: [{ label: 'not delivered', maas: [] }],
  },
];

/** Chunk extensions (RFC 9112 §7.1.1) and trailers (§7.1.2). */
export const extensionsAndTrailers: readonly Case[] = [
  extension('extension', 'an unknown chunk extension is ignored', ';a=b'),
  extension('extension-no-value', 'a chunk extension without a value is ignored', ';a'),
  extension('extension-several', 'several chunk extensions are ignored', ';a=b;c;d=e'),
  extension('extension-quoted', 'a quoted chunk extension is ignored', ';a="b;c=\\"d"'),
  {
    ...extension('extension-white-space', 'white space around ";" and "=" is read over, or refused', ' ; a = b'),
    section: 'RFC 9110 §5.6.3',
    expect: [forwarded({ body: 'hello' }), cutOff],
    note: 'the RFC would have it parsed, though no sender may send it; a refusal is as safe, and passes here',
  },
  {
    id: 'extension-lf',
    title: 'a bare LF in a chunk extension does not end it',
    section: 'RFC 9112 §7.1.1',
    level: 'SHOULD',
    send: chunked('5;a\nhello\r\n0\r\n\r\n'),
    expect: [refusedAndClosed(400)],
  },
  {
    id: 'extension-cr',
    title: 'a bare CR in a chunk extension is refused',
    section: 'RFC 9112 §2.2',
    level: 'MUST',
    send: chunked('5;a=\rb\r\nhello\r\n0\r\n\r\n'),
    expect: [refusedAndClosed(400), cutOff],
  },
  {
    id: 'extension-quoted-crlf',
    title: 'a line break within quotes in a chunk extension ends the line',
    section: 'RFC 9112 §7.1.1',
    level: 'SHOULD',
    send: chunked('5;a="\r\nhello\r\n0\r\n\r\n'),
    expect: [refusedAndClosed(400)],
  },
  {
    id: 'extension-large',
    title: 'chunk extensions of 1 MiB in all are a 4xx',
    section: 'RFC 9112 §7.1.1',
    level: 'SHOULD',
    send: chunked(`${`1;a=${'b'.repeat(16_384)}\r\nx\r\n`.repeat(64)}0\r\n\r\n`),
    expect: [refused(400, 413, 431)],
  },
  {
    id: 'trailer',
    title: 'a trailer field does not become a header field',
    section: 'RFC 9110 §6.5.1',
    level: 'MUST',
    send: chunked('5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n'),
    expect: [forwarded({ body: 'hello', lacks: ['X-Trailer'] })],
  },
  {
    id: 'trailer-forbidden',
    title: 'framing, routing and authentication in trailers do not count',
    section: 'RFC 9110 §6.5.1',
    level: 'MUST',
    send: chunked(
      '5\r\nhello\r\n0\r\nContent-Length: 2\r\nHost: other.example\r\nAuthorization: OAuth evil\r\nCookie: sessionid=evil\r\n\r\n',
    ),
    expect: [
      forwarded({ body: 'hello', lacks: ['Cookie'], has: { Host: /^(?!other)/, Authorization: /^(?!.*evil)/ } }),
      refusedAndClosed(400),
    ],
  },
  {
    id: 'trailer-named',
    title: 'the same where Trailer names the fields',
    section: 'RFC 9110 §6.5.1',
    level: 'MUST',
    send: post(
      ['Trailer: X-Trailer, Authorization', 'Transfer-Encoding: chunked'],
      '5\r\nhello\r\n0\r\nX-Trailer: a\r\nAuthorization: OAuth evil\r\n\r\n',
    ),
    expect: [forwarded({ body: 'hello', lacks: ['X-Trailer'], has: { Authorization: /^(?!.*evil)/ } })],
  },
  {
    id: 'trailer-bad',
    title: 'a trailer line that is no field line is refused',
    section: 'RFC 9112 §2.2',
    level: 'SHOULD',
    send: chunked('5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n'),
    expect: [refusedAndClosed(400)],
  },
  {
    id: 'trailer-large',
    title: 'a trailer section of 90 kB is a 4xx, or read to its end',
    section: 'RFC 9110 §5.4',
    level: 'SHOULD',
    send: chunked(`5\r\nhello\r\n0\r\n${`X-Trailer: ${'a'.repeat(1000)}\r\n`.repeat(90)}\r\n`),
    expect: [refused(400, 413, 431), forwarded({ body: 'hello' })],
  },
  {
    id: 'trailer-cut',
    title: 'a trailer section that ends too early leaves the request incomplete',
    section: 'RFC 9112 §8',
    level: 'MUST',
    send: [{ send: chunked('5\r\nhello\r\n0\r\nX-Trailer: a\r\n') }, { halfClose: true }],
    expect: [notDelivered],
  },
  {
    id: 'head-cut',
    title: 'a header section that ends too early is no request',
    section: 'RFC 9112 §8',
    level: 'MUST',
    send: [{ send: message(`GET ${path} HTTP/1.1`, 'Host: {host}').slice(0, -2) }, { halfClose: true }],
    expect: [notDelivered],
  },
];

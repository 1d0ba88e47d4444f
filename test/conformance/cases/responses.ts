import type { AnswerExpected, Case, MaasAnswer, Outcome } from '../case.ts';
import { answer, answerHead, badGateway, get, message, neverComplete, passed, path } from './words.ts';

const head = message(`HEAD ${path} HTTP/1.1`, 'Host: {host}');
const coded = (body: string): string => `${answerHead('Transfer-Encoding: chunked')}${body}`;
const closing = (send: string): MaasAnswer => [{ send }, { close: true }];
const second = 'the second answer';
/** An answer that may pass for the one to the next request, where a reader is led astray. */
const poison = answer('poison');

interface Response {
  readonly id: string;
  readonly title: string;
  readonly section: string;
  readonly level?: Case['level'];
  readonly maas: MaasAnswer;
  readonly expect: readonly Outcome[];
  readonly send?: string;
}

function response({ level = 'MUST', maas, send = get(), ...rest }: Response): Case {
  return { ...rest, level, send, maas: [maas] };
}

/** The first answer is odd, and must not spill into the second one on the client's connection. */
function unspoilt(id: string, title: string, send: string, first: MaasAnswer, expected: AnswerExpected): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: [{ send }, { awaitAnswers: 1 }, { send: get() }],
    methods: [/^\w+/.exec(send)?.[0] ?? 'GET', 'GET'],
    maas: [first, answer(second)],
    expect: [{ label: 'unspoilt', client: [expected, { status: 200, body: second }] }],
  };
}

/** The same, where the first answer may be taken for broken altogether. */
function unspoiltOrBroken(id: string, title: string, send: string, first: MaasAnswer, expected: AnswerExpected): Case {
  const each = unspoilt(id, title, send, first, expected);
  return {
    ...each,
    expect: [...each.expect, { label: '502', client: [{ status: 502 }, { status: 200, body: second }] }],
  };
}

/** How an answer of MAAS is framed (RFC 9112 §6.3, §7.1), and what becomes of one that is not. */
export const responseFraming: readonly Case[] = [
  response({
    id: 'answer-length',
    title: 'a body of known length passes byte for byte',
    section: 'RFC 9112 §6.3',
    maas: answer('a\0b\r\n\r\n\xff\xfe 1', 'Content-Type: application/octet-stream'),
    expect: [passed({ body: 'a\0b\r\n\r\n\xff\xfe 1' })],
  }),
  response({
    id: 'answer-chunked',
    title: 'a chunked body passes',
    section: 'RFC 9112 §7.1',
    maas: coded('2\r\nhe\r\n03;a="b"\r\nllo\r\n0\r\n\r\n'),
    expect: [passed({ body: 'hello' })],
  }),
  response({
    id: 'answer-until-close',
    title: 'a body that ends with its connection passes',
    section: 'RFC 9112 §6.3',
    maas: closing(`${message('HTTP/1.0 200 OK', 'Content-Type: text/plain')}hello`),
    expect: [passed({ body: 'hello' })],
  }),
  response({
    id: 'answer-trailer',
    title: 'a trailer field does not become a header field',
    section: 'RFC 9110 §6.5.1',
    maas: coded('5\r\nhello\r\n0\r\nX-Trailer: a\r\nSet-Cookie: a=b\r\n\r\n'),
    expect: [passed({ body: 'hello', lacks: ['X-Trailer', 'Set-Cookie'] })],
  }),
  response({
    id: 'answer-both',
    title: 'Content-Length beside Transfer-Encoding is dropped, or the answer refused',
    section: 'RFC 9112 §6.3',
    maas: `${answerHead('Content-Length: 3', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
    expect: [passed({ body: 'hello' }), badGateway],
  }),
  response({
    id: 'answer-length-word',
    title: 'Content-Length: five is a 502',
    section: 'RFC 9112 §6.3',
    maas: closing(`${answerHead('Content-Length: five')}hello`),
    expect: [badGateway],
  }),
  response({
    id: 'answer-length-plus',
    title: 'Content-Length: +5 is a 502',
    section: 'RFC 9112 §6.3',
    maas: closing(`${answerHead('Content-Length: +5')}hello`),
    expect: [badGateway],
  }),
  response({
    id: 'answer-length-minus',
    title: 'Content-Length: -5 is a 502',
    section: 'RFC 9112 §6.3',
    maas: closing(`${answerHead('Content-Length: -5')}hello`),
    expect: [badGateway],
  }),
  response({
    id: 'answer-length-twice',
    title: 'two Content-Length fields that differ are a 502',
    section: 'RFC 9112 §6.3',
    maas: closing(`${answerHead('Content-Length: 5', 'Content-Length: 6')}hello!`),
    expect: [badGateway],
  }),
  response({
    id: 'answer-length-twice-same',
    title: 'two equal Content-Length fields are one, or a 502',
    section: 'RFC 9110 §8.6',
    maas: `${answerHead('Content-Length: 5', 'Content-Length: 5')}hello`,
    expect: [passed({ body: 'hello', has: { 'Content-Length': '5' } }), badGateway],
  }),
  response({
    id: 'answer-length-overflow',
    title: 'a Content-Length of 2^64+5 is not read as 5',
    section: 'RFC 9110 §8.6',
    maas: closing(`${answerHead('Content-Length: 18446744073709551621')}hello`),
    expect: neverComplete,
  }),
  response({
    id: 'answer-length-cut',
    title: 'a body shorter than its length never looks complete',
    section: 'RFC 9112 §8',
    maas: closing(`${answerHead('Content-Length: 10')}hello`),
    expect: neverComplete,
  }),
  response({
    id: 'answer-length-reset',
    title: 'a body that a reset cuts never looks complete',
    section: 'RFC 9112 §8',
    maas: [{ send: `${answerHead('Content-Length: 10')}hello` }, { hold: 50 }, { reset: true }],
    expect: neverComplete,
  }),
  response({
    id: 'answer-chunk-cut',
    title: 'a chunked body without its last chunk never looks complete',
    section: 'RFC 9112 §8',
    maas: closing(coded('5\r\nhello\r\n')),
    expect: neverComplete,
  }),
  response({
    id: 'answer-length-cut-close',
    title: 'the same where MAAS has told that it closes',
    section: 'RFC 9112 §8',
    maas: closing(`${answerHead('Connection: close', 'Content-Length: 10')}hello`),
    expect: neverComplete,
  }),
  response({
    id: 'answer-chunk-cut-close',
    title: 'a chunked body without its last chunk never looks complete where MAAS has told that it closes',
    section: 'RFC 9112 §8',
    maas: closing(`${answerHead('Connection: close', 'Transfer-Encoding: chunked')}5\r\nhello\r\n`),
    expect: neverComplete,
  }),
  response({
    id: 'answer-chunk-cut-inside',
    title: 'nor one that ends inside a chunk',
    section: 'RFC 9112 §8',
    maas: closing(`${answerHead('Connection: close', 'Transfer-Encoding: chunked')}5\r\nhel`),
    expect: neverComplete,
  }),
  response({
    id: 'answer-chunk-bad',
    title: 'a chunk size that is none never looks complete',
    section: 'RFC 9112 §7.1',
    maas: coded('5\r\nhello\r\nzz\r\n0\r\n\r\n'),
    expect: neverComplete,
  }),
  response({
    id: 'answer-chunk-overflow',
    title: 'a chunk size of 2^64+5 is not read as 5',
    section: 'RFC 9112 §7.1',
    maas: closing(coded('10000000000000005\r\nhello\r\n0\r\n\r\n')),
    expect: neverComplete,
  }),
  response({
    id: 'answer-coding-unknown',
    title: 'a coding that was not asked for is a 502, or passes with its name',
    section: 'RFC 9112 §6.1',
    level: 'SHOULD',
    maas: `${answerHead('Transfer-Encoding: gzip, chunked')}5\r\nhello\r\n0\r\n\r\n`,
    expect: [badGateway, passed({ body: 'hello', joined: { 'Transfer-Encoding': 'gzip, chunked' } }), ...neverComplete],
  }),
];

/** Answers without a body (RFC 9112 §6.3), and what follows them on the same connection. */
export const bodiless: readonly Case[] = [
  response({
    id: 'head-length',
    title: 'an answer to HEAD keeps its length and has no body',
    section: 'RFC 9110 §9.3.2',
    send: head,
    maas: message('HTTP/1.1 200 OK', 'Content-Length: 1000'),
    expect: [passed({ body: '', has: { 'Content-Length': '1000' } }), passed({ body: '', lacks: ['Content-Length'] })],
  }),
  response({
    id: 'head-chunked',
    title: 'an answer to HEAD with Transfer-Encoding has no body',
    section: 'RFC 9110 §9.3.2',
    send: head,
    maas: message('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'),
    expect: [passed({ body: '' })],
  }),
  unspoilt(
    'head-then-next',
    'an answer to HEAD is not waited for beyond its head',
    head,
    message('HTTP/1.1 200 OK', 'Content-Length: 50'),
    { status: 200, body: '' },
  ),
  unspoiltOrBroken(
    'head-with-body',
    'a body that MAAS sends on HEAD is not taken for the next answer',
    head,
    `${message('HTTP/1.1 200 OK', `Content-Length: ${poison.length}`)}${poison}`,
    { status: 200, body: '' },
  ),
  unspoiltOrBroken(
    'answer-204-body',
    'a 204 has neither body nor length, and what MAAS sends behind it is not the next answer',
    get(),
    `${message('HTTP/1.1 204 No Content', `Content-Length: ${poison.length}`)}${poison}`,
    { status: 204, lacks: ['Content-Length', 'Transfer-Encoding'] },
  ),
  unspoilt('answer-204-then-next', 'a 204 is complete with its head', get(), message('HTTP/1.1 204 No Content'), {
    status: 204,
    lacks: ['Content-Length', 'Transfer-Encoding'],
  }),
  unspoilt(
    'answer-304-then-next',
    'a 304 is complete with its head, though it may tell a length',
    get('If-None-Match: "a"'),
    message('HTTP/1.1 304 Not Modified', 'ETag: "a"', 'Content-Length: 50'),
    { status: 304, has: { ETag: '"a"' } },
  ),
  unspoiltOrBroken(
    'answer-304-body',
    'a 304 has no body, and what MAAS sends behind it is not the next answer',
    get('If-None-Match: "a"'),
    `${message('HTTP/1.1 304 Not Modified', 'ETag: "a"', `Content-Length: ${poison.length}`)}${poison}`,
    { status: 304, has: { ETag: '"a"' } },
  ),
  unspoiltOrBroken(
    'answer-more',
    'bytes behind the length are not the next answer',
    get(),
    `${answer('first')}garbage garbage`,
    { status: 200, body: 'first' },
  ),
  unspoiltOrBroken(
    'answer-twice',
    'a second answer to one request is not the next answer',
    get(),
    `${answer('first')}${poison}`,
    { status: 200, body: 'first' },
  ),
  unspoiltOrBroken(
    'answer-twice-chunked',
    'a second answer behind the last chunk is not the next answer',
    get(),
    `${coded('5\r\nfirst\r\n0\r\n\r\n')}${poison}`,
    { status: 200, body: 'first' },
  ),
];

import type { AnswerExpected, Case, Outcome } from '../case.ts';
import {
  answer,
  answerHead,
  chunked,
  forwarded,
  get,
  message,
  ok,
  okExpected,
  path,
  post,
  refusedAndClosed,
} from './words.ts';

const two: readonly AnswerExpected[] = [
  { status: 200, body: 'first' },
  { status: 200, body: 'second' },
];
/** The end of a body that looks like a request. */
const behind = message(`GET ${path} HTTP/1.1`, 'Host: localhost');
const get10 = (...fields: readonly string[]): string => message(`GET ${path} HTTP/1.0`, 'Host: {host}', ...fields);

function closes(id: string, title: string, send: string): Case {
  return {
    id,
    title,
    section: 'RFC 9112 §9.6',
    level: 'MUST',
    send,
    expect: [{ ...forwarded(), label: 'answered, closed', connection: 'closed' }],
  };
}

const inTurn: Outcome = {
  label: 'in order',
  client: [1, 2, 3].map((n) => ({ status: 200, body: `${path}?n=${n}` })),
  maas: [{}, {}, {}],
};
const numbered = (n: number): string => message(`GET ${path}?n=${n} HTTP/1.1`, 'Host: {host}');
/** MAAS's side answers with the target, so that the order in which requests arrive there does not matter. */
const echo = `${message('HTTP/1.1 200 OK', `Content-Length: ${path.length + 4}`)}{target}`;

/** Persistence, closing and pipelining (RFC 9112 §9). */
export const connection: readonly Case[] = [
  {
    id: 'keep-alive',
    title: 'a connection serves one request after the other',
    section: 'RFC 9112 §9.3',
    level: 'SHOULD',
    send: [{ send: get() }, { awaitAnswers: 1 }, { send: post(['Content-Length: 1'], 'a') }],
    methods: ['GET', 'POST'],
    maas: [answer('first'), answer('second')],
    expect: [
      { label: 'open', client: two, connection: 'open', maas: [{ method: 'GET' }, { method: 'POST', body: 'a' }] },
    ],
  },
  closes('close', 'Connection: close closes after the answer', get('Connection: close')),
  closes('close-upper-case', 'options in Connection are read without regard to case', get('Connection: CLOSE')),
  closes('close-in-list', '"close" closes anywhere in the list', get('Connection: X-Test , close')),
  {
    id: 'close-told',
    title: 'the last answer tells that the connection is closed',
    section: 'RFC 9112 §9.6',
    level: 'SHOULD',
    send: get('Connection: close'),
    expect: [{ ...forwarded({}, { has: { Connection: /^close$/i } }), connection: 'closed' }],
  },
  {
    id: 'close-then-more',
    title: 'what comes after a request with "close" is not processed',
    section: 'RFC 9112 §9.6',
    level: 'MUST',
    send: get('Connection: close') + get(),
    expect: [{ ...forwarded(), connection: 'closed' }],
  },
  closes('http-1.0', 'HTTP/1.0 closes after the answer', get10()),
  {
    id: 'http-1.0-keep-alive',
    title: 'HTTP/1.0 with keep-alive may go on, with a length that is told',
    section: 'RFC 9112 §9.3',
    level: 'MAY',
    send: get10('Connection: keep-alive'),
    expect: [
      { ...forwarded({}, { has: { Connection: /^keep-alive$/i } }), label: 'open', connection: 'open' },
      { ...forwarded(), label: 'closed', connection: 'closed' },
    ],
  },
  {
    id: 'http-1.0-no-coding',
    title: 'an answer to HTTP/1.0 has no Transfer-Encoding',
    section: 'RFC 9112 §6.1',
    level: 'MUST',
    send: get10(),
    maas: [`${answerHead('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`],
    expect: [
      {
        label: 'passed',
        client: [{ status: 200, body: 'hello', lacks: ['Transfer-Encoding'] }],
        connection: 'closed',
      },
    ],
  },
  {
    id: 'http-1.0-broken',
    title: 'an answer that breaks off looks broken to HTTP/1.0 too',
    section: 'RFC 9112 §8',
    level: 'SHOULD',
    send: get10(),
    maas: [[{ send: `${answerHead('Transfer-Encoding: chunked')}5\r\nhello\r\n` }, { close: true }]],
    expect: [
      { label: 'reset', client: [{ status: 200, broken: true }] },
      { label: '502', client: [{ status: 502 }] },
      { label: 'closed without a response', client: [], connection: 'closed' },
    ],
    note: 'Without a length only a reset of the connection can tell.',
  },
  {
    id: 'http-1.0-no-interim',
    title: 'HTTP/1.0 gets no interim answers',
    section: 'RFC 9110 §15.2',
    level: 'MUST',
    send: get10(),
    maas: [`${message('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload')}${ok}`],
    expect: [forwarded()],
  },
  {
    id: 'pipeline',
    title: 'three requests at once are answered in their order',
    section: 'RFC 9112 §9.3.2',
    level: 'MUST',
    send: numbered(1) + numbered(2) + numbered(3),
    maas: [echo],
    expect: [{ ...inTurn, connection: 'open' }],
  },
  {
    id: 'pipeline-slow',
    title: 'a slow first answer does not fall behind the next',
    section: 'RFC 9112 §9.3.2',
    level: 'MUST',
    send: numbered(1) + numbered(2) + numbered(3),
    maas: [[{ hold: 150 }, { send: echo }], echo],
    expect: [inTurn],
  },
  {
    id: 'pipeline-unsafe',
    title: 'a request behind one that changes something waits for its answer',
    section: 'RFC 9112 §9.3.2',
    level: 'SHOULD',
    send: post(['Content-Length: 1'], 'a') + get(),
    methods: ['POST', 'GET'],
    maas: [[{ hold: 150 }, { send: answer('first') }], answer('second')],
    expect: [{ label: 'in turn', client: two, maas: [{ method: 'POST' }, { method: 'GET' }], maasInTurn: true }],
  },
  {
    id: 'pipeline-head',
    title: 'the answers behind that to a HEAD are read right',
    section: 'RFC 9112 §6.3',
    level: 'MUST',
    send: message(`HEAD ${path} HTTP/1.1`, 'Host: {host}') + get(),
    methods: ['HEAD', 'GET'],
    maas: [message('HTTP/1.1 200 OK', 'Content-Length: 5'), answer('second')],
    expect: [
      {
        label: 'two responses',
        client: [
          { status: 200, body: '' },
          { status: 200, body: 'second' },
        ],
        maas: [{}, {}],
      },
    ],
  },
  {
    id: 'pipeline-after-error',
    title: 'nothing behind a malformed request is processed',
    section: 'RFC 9112 §2.2',
    level: 'SHOULD',
    send: get('X-Test : a') + get(),
    expect: [refusedAndClosed(400)],
  },
  {
    id: 'pipeline-before-error',
    title: 'a good request before a malformed one is answered, and first',
    section: 'RFC 9112 §9.3.2',
    level: 'MUST',
    send: get() + get('X-Test : a'),
    expect: [
      { label: '200, 400', client: [okExpected, { status: 400 }], connection: 'closed', maas: [{}] },
      { label: '200, closed', client: [okExpected], connection: 'closed', maas: [{}] },
    ],
  },
  {
    id: 'pipeline-before-error-slow',
    title: 'the same, where MAAS takes its time',
    section: 'RFC 9112 §9.3.2',
    level: 'MUST',
    send: get() + get('X-Test : a'),
    maas: [[{ hold: 150 }, { send: ok }]],
    expect: [
      { label: '200, 400', client: [okExpected, { status: 400 }], connection: 'closed', maas: [{}] },
      { label: '200, closed', client: [okExpected], connection: 'closed', maas: [{}] },
    ],
  },
  {
    id: 'half-close',
    title: 'a client that has sent all and half-closes gets its answer',
    section: 'RFC 9112 §9.6',
    level: 'MAY',
    send: [{ send: get() }, { halfClose: true }],
    expect: [
      { ...forwarded(), label: 'answered', connection: 'closed' },
      { label: 'cut off', client: [], connection: 'closed' },
    ],
  },
  {
    id: 'half-close-slow',
    title: 'a client that half-closes while MAAS works gets its answer',
    section: 'RFC 9112 §9.6',
    level: 'MAY',
    send: [{ send: post(['Content-Length: 1'], 'a') }, { awaitMaas: path }, { halfClose: true }],
    maas: [[{ hold: 150 }, { send: ok }]],
    expect: [
      { ...forwarded(), label: 'answered', connection: 'closed' },
      { label: 'cut off', client: [], connection: 'closed' },
    ],
  },
  {
    id: 'maas-close',
    title: "that MAAS's side closes its connection does not close the client's",
    section: 'RFC 9110 §7.6.1',
    level: 'MUST',
    send: [{ send: get() }, { awaitAnswers: 1 }, { send: get() }],
    maas: [[{ send: answer('first', 'Connection: close') }, { close: true }], answer('second')],
    expect: [{ label: 'open', client: two, connection: 'open', maas: [{}, {}] }],
  },
  {
    id: 'post-not-repeated',
    title: 'a POST whose connection breaks is not sent a second time',
    section: 'RFC 9110 §9.2.2',
    level: 'MUST',
    send: post(['Content-Length: 5'], 'hello'),
    maas: [[{ close: true }], ok],
    expect: [{ label: '502', client: [{ status: [502, 503, 504] }], maas: [{ body: 'hello' }] }],
  },
  {
    id: 'post-not-repeated-reused',
    title: 'the same on a connection that was used before',
    section: 'RFC 9110 §9.2.2',
    level: 'MUST',
    send: [{ send: get() }, { awaitAnswers: 1 }, { send: post(['Content-Length: 5'], 'hello') }],
    methods: ['GET', 'POST'],
    maas: [ok, [{ close: true }], ok],
    expect: [
      {
        label: '502',
        client: [okExpected, { status: [502, 503, 504] }],
        maas: [{ method: 'GET' }, { method: 'POST', body: 'hello' }],
      },
      {
        label: 'cut off',
        client: [okExpected],
        connection: 'closed',
        maas: [{ method: 'GET' }, { method: 'POST', body: 'hello' }],
      },
    ],
  },
  {
    id: 'early-answer-whole',
    title: 'what is left of a body behind an early answer is not read as a request',
    section: 'RFC 9112 §9.3',
    level: 'MUST',
    send: [{ send: post([`Content-Length: ${5 + behind.length}`], 'hello') }, { awaitMaas: 'hello' }, { send: behind }],
    maasAnswersAfter: 'head',
    maas: [`${message('HTTP/1.1 413 Content Too Large', 'Content-Length: 5')}large`],
    expect: [{ label: '413', client: [{ status: 413 }] }],
  },
  {
    id: 'early-answer',
    title: 'an answer before the body was sent reaches the client, and no other request is served',
    section: 'RFC 9112 §9.3',
    level: 'MUST',
    send: [{ send: post(['Content-Length: 5000000'], 'x'.repeat(100_000)) }],
    maasAnswersAfter: 'head',
    maas: [
      [
        { send: message('HTTP/1.1 413 Content Too Large', 'Content-Length: 5', 'Connection: close') + 'large' },
        { close: true },
      ],
    ],
    expect: [
      { label: '413, closed', client: [{ status: 413 }], connection: 'closed', maas: [] },
      { label: 'waits for the body', client: [], connection: 'open', maas: [] },
    ],
  },
  {
    id: 'early-answer-then-error',
    title: 'no second answer is written into an answer that has begun',
    section: 'RFC 9112 §9.3.2',
    level: 'MUST',
    send: [{ send: chunked('5\r\nhello\r\n') }, { awaitMaas: 'hello' }, { send: 'zz\r\n' }],
    maasAnswersAfter: 'head',
    maas: [[{ send: `${message('HTTP/1.1 200 OK', 'Content-Length: 500')}begun` }]],
    expect: [
      {
        label: 'broken transfer',
        client: [{ status: 200, broken: true, body: /^(?:begun)?$/ }],
        connection: 'closed',
        maas: [],
      },
      { label: 'closed without a response', client: [], connection: 'closed', maas: [] },
      refusedAndClosed(400),
    ],
  },
];

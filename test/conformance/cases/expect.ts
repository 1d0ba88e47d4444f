import type { Case } from '../case.ts';
import { answer, forwarded, get, message, ok, okExpected, path, post, refused } from './words.ts';

const put = (...fields: readonly string[]): string => message(`PUT ${path} HTTP/1.1`, 'Host: {host}', ...fields);

/** Expect and interim answers (RFC 9110 §10.1.1, §15.2). */
export const expectations: readonly Case[] = [
  {
    id: 'continue',
    title: 'a client that waits for 100 (Continue) gets it, sends its body and is answered',
    section: 'RFC 9110 §10.1.1',
    level: 'MUST',
    send: [{ send: put('Expect: 100-continue', 'Content-Length: 5') }, { awaitInterim: 100 }, { send: 'hello' }],
    expect: [forwarded({ method: 'PUT', body: 'hello' }, { interim: [100] })],
  },
  {
    id: 'continue-chunked',
    title: 'the same with a chunked body',
    section: 'RFC 9110 §10.1.1',
    level: 'MUST',
    send: [
      { send: put('Expect: 100-continue', 'Transfer-Encoding: chunked') },
      { awaitInterim: 100 },
      { send: '5\r\nhello\r\n0\r\n\r\n' },
    ],
    expect: [forwarded({ method: 'PUT', body: 'hello' }, { interim: [100] })],
  },
  {
    id: 'continue-upper-case',
    title: 'the expectation is read without regard to case',
    section: 'RFC 9110 §10.1.1',
    level: 'MUST',
    send: [{ send: put('Expect: 100-Continue', 'Content-Length: 5') }, { awaitInterim: 100 }, { send: 'hello' }],
    expect: [forwarded({ body: 'hello' }, { interim: [100] })],
  },
  {
    id: 'continue-at-once',
    title: 'a client that does not wait is answered',
    section: 'RFC 9110 §10.1.1',
    level: 'MUST',
    send: put('Expect: 100-continue', 'Content-Length: 5') + 'hello',
    expect: [forwarded({ body: 'hello' }, { interim: [100] }), forwarded({ body: 'hello' })],
  },
  {
    id: 'continue-no-body',
    title: 'an expectation without a body does not hold up the answer',
    section: 'RFC 9110 §10.1.1',
    level: 'MUST',
    send: get('Expect: 100-continue'),
    expect: [forwarded(), forwarded({}, { interim: [100] }), refused(417)],
  },
  {
    id: 'continue-1.0',
    title: 'the expectation is ignored in HTTP/1.0',
    section: 'RFC 9110 §10.1.1',
    level: 'MUST',
    send: `${message(`PUT ${path} HTTP/1.0`, 'Host: {host}', 'Expect: 100-continue', 'Content-Length: 5')}hello`,
    expect: [forwarded({ body: 'hello' })],
  },
  {
    id: 'continue-unasked',
    title: 'no 100 (Continue) comes unasked',
    section: 'RFC 9110 §10.1.1',
    level: 'SHOULD',
    send: [{ send: put('Content-Length: 5') }, { send: 'hello' }],
    expect: [forwarded({ body: 'hello' })],
  },
  {
    id: 'continue-refused',
    title: "MAAS's refusal reaches a client that waits for 100 (Continue), once",
    section: 'RFC 9110 §10.1.1',
    level: 'MUST',
    send: [{ send: put('Expect: 100-continue', 'Content-Length: 5') }, { awaitInterim: 100 }, { send: 'hello' }],
    maasAnswersAfter: 'head',
    maas: [`${message('HTTP/1.1 403 Forbidden', 'Content-Length: 2')}no`],
    expect: [
      { label: '403', client: [{ status: 403, body: 'no' }] },
      { label: '100, 403', client: [{ status: 403, body: 'no', interim: [100] }] },
    ],
  },
  {
    id: 'expect-unknown',
    title: 'an unknown expectation is a 417, or left to MAAS',
    section: 'RFC 9110 §10.1.1',
    level: 'MAY',
    send: get('Expect: the-best'),
    expect: [refused(417), forwarded()],
  },
  {
    id: 'interim-continue',
    title: 'a 100 (Continue) of MAAS that nobody asked for is not taken for the answer',
    section: 'RFC 9110 §15.2',
    level: 'MUST',
    send: post(['Content-Length: 5'], 'hello'),
    maas: [`${message('HTTP/1.1 100 Continue')}${ok}`],
    expect: [forwarded(), forwarded({}, { interim: [100] })],
  },
  {
    id: 'interim-several',
    title: 'several interim answers are not taken for the answer',
    section: 'RFC 9110 §15.2',
    level: 'MUST',
    send: get(),
    maas: [
      `${message('HTTP/1.1 102 Processing')}${message('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload')}${ok}`,
    ],
    expect: [forwarded(), forwarded({}, { interim: [102, 103] }), forwarded({}, { interim: [103] })],
  },
  {
    id: 'interim-passed',
    title: 'an interim answer of MAAS reaches the client',
    section: 'RFC 9110 §15.2',
    level: 'SHOULD',
    send: get(),
    maas: [`${message('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload')}${ok}`],
    expect: [forwarded({}, { interim: [103] })],
  },
  {
    id: 'interim-switching',
    title: 'a 101 that nobody asked for does not switch the protocol',
    section: 'RFC 9110 §15.2.2',
    level: 'MUST',
    send: [{ send: get() }],
    maas: [`${message('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: foo/2')}foo foo foo`],
    expect: [
      { label: '502', client: [{ status: [500, 502] }] },
      { label: 'cut off', client: [], connection: 'closed' },
    ],
  },
  {
    id: 'interim-then-next',
    title: 'interim answers do not shift the answers that follow',
    section: 'RFC 9112 §9.2',
    level: 'MUST',
    send: [{ send: get() }, { awaitAnswers: 1 }, { send: get() }],
    maas: [`${message('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload')}${ok}`, answer('second')],
    expect: [
      { label: 'in order', client: [okExpected, { status: 200, body: 'second' }] },
      {
        label: 'in order',
        client: [
          { ...okExpected, interim: [103] },
          { status: 200, body: 'second' },
        ],
      },
    ],
  },
];

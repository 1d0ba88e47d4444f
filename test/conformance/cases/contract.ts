import type { AnswerExpected, Case, Outcome } from '../case.ts';
import { answer, forwarded, get, message, passed, path, post, refused } from './words.ts';

const line = (startLine: string, ...fields: readonly string[]): string => message(startLine, 'Host: {host}', ...fields);
const signature = /^OAuth oauth_version="1\.0", oauth_signature_method="PLAINTEXT", .*oauth_nonce="[0-9a-f]{32}"/;

function ours(id: string, title: string, send: string, ...expect: readonly Outcome[]): Case {
  return { id, title, section: "maas-auth-proxy's contract", level: 'OURS', send, expect };
}

/** What our program answers by itself: a problem document (RFC 9457) with a Proxy-Status (RFC 9209). */
function problem(status: number, code: string): Outcome {
  const client: AnswerExpected = {
    status,
    has: {
      'Content-Type': 'application/problem+json',
      'Proxy-Status': /^maas-auth-proxy; error=\w+(?:; received-status=\d+)?$/,
    },
    body: new RegExp(`^\\{.*"status":${status},.*"code":"${code}",`),
  };
  return { label: `${status} ${code}`, client: [client], maas: [] };
}

/** What our program promises beyond HTTP; other programs are not asked. */
export const contract: readonly Case[] = [
  ours('ours-signed', 'a request is signed, once', get(), forwarded({ has: { Authorization: signature } })),
  ours(
    'ours-authorization',
    "the client's Authorization is replaced",
    get('Authorization: Basic YTpi', 'authorization: OAuth a'),
    forwarded({ has: { Authorization: signature } }),
  ),
  ours(
    'ours-authorization-listed',
    'Connection: Authorization does not take the signature away',
    get('Connection: Authorization'),
    forwarded({ has: { Authorization: signature } }),
  ),
  ours(
    'ours-cookie',
    'cookies and macaroons do not reach MAAS',
    get('Cookie: sessionid=a', 'Macaroons: b'),
    forwarded({ lacks: ['Cookie', 'Macaroons'] }),
  ),
  ours(
    'ours-underscore',
    'field names with an underscore do not reach MAAS',
    get('X_Forwarded_For: 10.0.0.1', 'HTTP_AUTHORIZATION: a'),
    forwarded({ lacks: ['X_Forwarded_For', 'HTTP_AUTHORIZATION'] }),
  ),
  ours(
    'ours-forwarded-for',
    'MAAS is told the true address of the client',
    get('X-Forwarded-For: 10.0.0.1', 'Forwarded: for=10.0.0.1'),
    forwarded({ has: { 'X-Forwarded-For': /^(?!10)/ }, lacks: ['Forwarded'] }),
  ),
  ours(
    'ours-coding-underscore',
    'Transfer_Encoding is no Transfer-Encoding',
    post(['Content-Length: 5', 'Transfer_Encoding: chunked'], 'hello'),
    forwarded({ body: 'hello', lacks: ['Transfer_Encoding'] }),
  ),
  ours(
    'ours-te-trailers',
    'TE and Trailer do not reach MAAS',
    get('TE: trailers', 'Trailer: X-Test'),
    forwarded({ lacks: ['TE', 'Trailer'] }),
  ),
  ours(
    'ours-proxy-fields',
    'Proxy fields do not reach MAAS',
    get('Proxy-Authorization: Basic YTpi', 'Proxy-Foo: a'),
    forwarded({ lacks: ['Proxy-Authorization', 'Proxy-Foo'] }),
  ),
  ours(
    'ours-oauth-query',
    'oauth_ names in the query are a 400',
    line(`GET ${path}?%6fauth_token=a HTTP/1.1`),
    problem(400, 'signature-override'),
  ),
  ours(
    'ours-dot-segment',
    'dot segments are a 400',
    line(`GET ${path}%2e%2e/%2e%2e/%2e%2e/l/ HTTP/1.1`),
    problem(400, 'malformed-path'),
  ),
  ours(
    'ours-outside',
    "MAAS's other addresses are a 404, and never signed",
    line('GET /MAAS/a/v3/ HTTP/1.1'),
    problem(404, 'outside-api'),
  ),
  ours(
    'ours-short-form',
    'the short form means the same',
    line('GET /machines/?id=a%2Fb HTTP/1.1'),
    forwarded({ target: `${path}?id=a%2Fb` }),
  ),
  ours(
    'ours-slash',
    'a missing slash at the end is added',
    line('GET /MAAS/api/2.0/machines?a HTTP/1.1'),
    forwarded({ target: `${path}?a` }),
  ),
  ours(
    'ours-trace',
    'TRACE would show the signature',
    line(`TRACE ${path} HTTP/1.1`),
    problem(405, 'method-not-forwarded'),
  ),
  ours(
    'ours-problem',
    'a malformed request is told what is wrong with a problem document',
    get('X-Test : a'),
    problem(400, 'malformed-request'),
  ),
  ours(
    'ours-expect',
    'Expect is answered here',
    line(`PUT ${path} HTTP/1.1`, 'Expect: 100-continue', 'Content-Length: 1') + 'a',
    forwarded({ lacks: ['Expect'] }, { interim: [100] }),
    forwarded({ lacks: ['Expect'] }),
  ),
  {
    ...ours(
      'ours-set-cookie',
      'Set-Cookie and Strict-Transport-Security do not reach the client',
      get(),
      passed({ body: 'ok', lacks: ['Set-Cookie', 'Strict-Transport-Security'] }),
    ),
    maas: [answer('ok', 'Set-Cookie: sessionid=a', 'Strict-Transport-Security: max-age=31536000')],
  },
  {
    ...ours('ours-via', 'an answer carries Via', get(), passed({ has: { Via: '1.1 maas-auth-proxy' } })),
    section: 'RFC 9110 §7.6.3',
  },
  {
    ...ours(
      'ours-via-appended',
      'a Via in an answer is kept, and comes first',
      get(),
      passed({ joined: { Via: '1.1 a.example, 1.1 maas-auth-proxy' } }),
    ),
    section: 'RFC 9110 §7.6.3',
    maas: [answer('ok', 'Via: 1.1 a.example')],
  },
  {
    ...ours('ours-broken-answer', 'a broken answer is a problem document', get(), {
      ...problem(502, 'maas-broken-answer'),
      maas: [{}],
    }),
    maas: [[{ send: 'SSH-2.0-OpenSSH_9.2\r\n' }, { close: true }]],
  },
  {
    ...ours('ours-redirect', 'a redirect is passed on, not followed', get(), passed({ status: 302 })),
    maas: [message('HTTP/1.1 302 Found', 'Location: /MAAS/api/2.0/zones/', 'Content-Length: 0')],
  },
  {
    ...ours('ours-redirect-away', "a redirect out of MAAS's API is a problem document", get(), {
      ...problem(502, 'maas-redirect'),
      maas: [{}],
    }),
    maas: [message('HTTP/1.1 302 Found', 'Location: http://127.0.0.1:1/', 'Content-Length: 0')],
  },
  ours('ours-connect', 'CONNECT is refused with a problem document', line('CONNECT {host} HTTP/1.1'), {
    ...refused(405),
    label: '405',
  }),
];

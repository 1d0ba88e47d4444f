// What arrives has exactly the bytes that it should, or was refused: addresses, header fields and bodies made up by fast-check,
// in both directions, over bare sockets. What should arrive is said here a second time, in other words than in the program.
// A failure prints its seed; `fc.assert(…, { seed, path })` repeats it.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { startTestProxy } from './support/proxy.ts';
import {
  readMessage,
  startRecordingMaas,
  trimmed,
  type RawMessage,
  type RecordingMaas,
} from './support/recording-maas.ts';

type Field = readonly [name: string, value: string];

const limit = { timeout: 240_000 };

test('an address arrives below /MAAS/api/2.0 with its bytes unchanged, or is refused', limit, async (t) => {
  const { maas, exchange } = await start(t);
  const seen = { forwarded: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(targets, async (target) => {
      const arrived = await exchange(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      const expected = targetAtMaas(target);
      if (arrived === undefined) {
        seen.refused += 1;
        assert.ok(expected === undefined || !isPlain(target), 'refused without need');
        return;
      }
      seen.forwarded += 1;
      assert.notEqual(expected, undefined, `forwarded as ${arrived.startLine}`);
      assert.equal(arrived.startLine, `GET ${expected} HTTP/1.1`);
      assert.equal(arrived.body, '');
    }),
    { numRuns: 2_500 },
  );
  assert.ok(seen.forwarded > 300 && seen.refused > 300, JSON.stringify(seen));
  assert.equal(maas.received.length, seen.forwarded);
});

test(
  "header fields arrive with names, values, order and duplicates unchanged, but for those that are not the client's",
  limit,
  async (t) => {
    const { maas, exchange } = await start(t);
    const seen = { forwarded: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(requestFields, async (fields) => {
        const sent: Field[] = [['Host', 'localhost'], ['Connection', 'close'], ...fields];
        const arrived = await exchange(`GET /users/ HTTP/1.1\r\n${written(sent)}\r\n`);
        if (arrived === undefined) {
          seen.refused += 1;
          assert.ok(mayRefuse(sent), 'refused without need');
          return;
        }
        seen.forwarded += 1;
        assertFieldsAtMaas(arrived, sent, maas);
      }),
      { numRuns: 1_500 },
    );
    assert.ok(seen.forwarded > 300, JSON.stringify(seen));
    assert.equal(maas.received.length, seen.forwarded);
  },
);

test('a body arrives byte for byte and with its length, in whatever pieces it was sent', limit, async (t) => {
  const { maas, exchange } = await start(t);
  await fc.assert(
    fc.asyncProperty(method, bytes(6_000), framings, cuts, async (verb, body, framing, at) => {
      const arrived = await exchange(framed(verb, body, framing), at);
      assert.notEqual(arrived, undefined, 'refused');
      const isRead = verb === 'GET' || verb === 'HEAD';
      assert.equal(arrived?.body, isRead ? '' : body);
      const lengths = valuesOf(arrived.fields, 'content-length');
      if (!isRead && body !== '') assert.deepEqual(lengths, [String(body.length)]);
      assert.ok(lengths.length <= 1);
      assert.deepEqual(valuesOf(arrived.fields, 'transfer-encoding'), []);
      // Fields behind the body are not carried over: neither MAAS nor its web server reads any.
      assert.deepEqual(valuesOf(arrived.fields, 'x-trailer'), []);
    }),
    { numRuns: 1_000 },
  );
  assert.ok(maas.received.length >= 1_000);
});

test(
  "an answer comes back with status, header fields and body unchanged, but for those that are not MAAS's to set",
  limit,
  async (t) => {
    const { maas, answered } = await start(t);
    await fc.assert(
      fc.asyncProperty(answers, async (answer) => {
        maas.answer = { bytes: answer.bytes, closes: answer.closes };
        const { startLine, fields, body } = await answered(
          'GET /users/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
        );
        assert.equal(Number(startLine.split(' ')[1]), answer.status);
        if (isPlain(answer.reason.replaceAll(' ', '')))
          assert.equal(startLine, `HTTP/1.1 ${answer.status} ${answer.reason}`);
        assert.deepEqual(withoutProxysOwn(fields), withoutDropped(answer.fields));
        assert.deepEqual(valuesOf(fields, 'via'), [
          [...valuesOf(answer.fields, 'via'), '1.1 maas-auth-proxy'].join(', '),
        ]);
        assert.equal(isChunked(fields) ? unchunked(body) : body, answer.body);
      }),
      { numRuns: 1_500 },
    );
  },
);

// ── What should arrive ──────────────────────────────────────────────────────────────────────────────────────────────────

/** What MAAS should get for a target: the rules of addresses, over again. `undefined`: nothing. */
function targetAtMaas(target: string): string | undefined {
  const local = target.replace(/^https?:\/\/localhost(?::8240)?(?=[/?]|$)/i, '');
  const inOriginForm = local === target || local.startsWith('/') ? local : `/${local}`;
  if (!inOriginForm.startsWith('/') || inOriginForm.includes('#')) return undefined;
  const at = inOriginForm.indexOf('?');
  const path = at < 0 ? inOriginForm : inOriginForm.slice(0, at);
  const query = at < 0 ? '' : inOriginForm.slice(at);
  const below = belowTheApi(path);
  if (below === undefined || overridesSignature(query.slice(1))) return undefined;
  const segments: string[] = [];
  for (const raw of below.split('/').filter((segment) => segment !== '')) {
    const segment = decoded(raw);
    if (segment === undefined || segment.split('/').some((piece) => piece === '.' || piece === '..')) return undefined;
    segments.push(segment);
  }
  const slash =
    below.endsWith('/') || slashless.some((form) => form.test(`/${segments.map(encodeURIComponent).join('/')}`));
  return `/MAAS/api/2.0${below}${slash ? '' : '/'}${query}`;
}

/** The path behind `/MAAS/api/2.0`, `/api/2.0` or nothing; `undefined` for all else below `/MAAS`. Slashes may be doubled. */
function belowTheApi(path: string): string | undefined {
  const parts = path.split(/(\/+)/).slice(1); // slashes and segments in turn
  const named = (index: number): string | undefined => parts[index * 2 + 1];
  const skip = named(0) === 'MAAS' ? 1 : 0;
  if (named(skip) === 'api' && named(skip + 1) === '2.0') return parts.slice((skip + 2) * 2).join('') || '/';
  return skip === 1 ? undefined : path;
}

/** "These have no trailing slash" (maas-api.md, URLs), and an operation as the path's last word. */
const slashless = [
  /^\/(?:commissioning-)?scripts\/[^/]+$/,
  /^\/license-key\/[^/]+\/[^/]+$/,
  /^\/[^/]+\/[^/]+\/blockdevices\/[^/]+\/partitions?\/[^/]+$/,
  /^\/virtual-machines\/[^/]+$/,
  /^\/vm-clusters\/[^/]+$/,
  /^\/openapi\.yaml$/,
  /^(?:\/[^/]+)+\/op-[^/]*$/,
];

/** Percent-decoded, where every escape is one, and UTF-8. */
function decoded(segment: string): string | undefined {
  let text = '';
  for (let at = 0; at < segment.length;) {
    const run = /^(?:%[0-9A-Fa-f]{2})+/.exec(segment.slice(at))?.[0];
    if (run === undefined && segment[at] === '%') return undefined;
    if (run === undefined) text += segment[at];
    else {
      try {
        text += new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
          Buffer.from(run.replaceAll('%', ''), 'hex'),
        );
      } catch {
        return undefined;
      }
    }
    at += run?.length ?? 1;
  }
  return text;
}

function overridesSignature(query: string): boolean {
  return query.split('&').some((pair) => {
    const name = (pair.split('=')[0] ?? '')
      .replaceAll('+', ' ')
      .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return /^oauth_/i.test(name) || /^callback$/i.test(name);
  });
}

/** Nothing but visible ASCII, of which there is no reason to refuse any. */
function isPlain(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** Would speak to MAAS in place of the proxy, or are set anew by it. */
const notTheClients = [
  ...hopByHop,
  ...['expect', 'authorization', 'cookie', 'cookie2', 'macaroons', 'forwarded', 'x-real-ip'],
  ...['host', 'content-length', 'via', 'x-request-id'],
];

function reachesMaas(name: string, options: ReadonlySet<string>): boolean {
  const lower = name.toLowerCase();
  if (lower.includes('_') || lower.startsWith('x-forwarded-') || lower.startsWith('proxy-')) return false;
  return !notTheClients.includes(lower) && !options.has(lower);
}

function assertFieldsAtMaas(arrived: RawMessage, sent: readonly Field[], maas: RecordingMaas): void {
  const options = listedBy(sent);
  const passed = sent.filter(([name]) => reachesMaas(name, options)).map(([name, value]) => [name, trimmed(value)]);
  const none: ReadonlySet<string> = new Set();
  assert.deepEqual(
    arrived.fields.filter(([name]) => reachesMaas(name, none)),
    passed,
  );
  const own = arrived.fields.filter(([name]) => !reachesMaas(name, none));
  const value = (name: string): string => {
    const values = valuesOf(own, name);
    assert.equal(values.length, 1, `${name}: ${values.length} times`);
    return values[0] as string;
  };
  assert.equal(value('host'), new URL(maas.url).host);
  assert.match(value('authorization'), /^OAuth oauth_version="1\.0", .*oauth_token="CanaryTokenValue00"/);
  assert.equal(value('via'), [...valuesOf(sent, 'via').map(trimmed), '1.1 maas-auth-proxy'].join(', '));
  assert.equal(value('x-forwarded-for'), '127.0.0.1');
  assert.equal(value('x-forwarded-host'), 'localhost');
  assert.equal(value('x-forwarded-proto'), 'http');
  assert.match(value('x-request-id'), /^[!-~]{1,128}$/);
  const expected = [
    'authorization',
    'connection',
    'host',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-request-id',
  ];
  assert.deepEqual(own.map(([name]) => name.toLowerCase()).toSorted(), expected);
}

/** The further fields that `Connection` makes fields of the connection. */
function listedBy(fields: readonly Field[]): ReadonlySet<string> {
  return new Set(
    valuesOf(fields, 'connection').flatMap((value) => value.split(',').map((name) => trimmed(name).toLowerCase())),
  );
}

/** What there is a reason to refuse: bytes that no value may hold, a page of another origin, two types, a strange charset. */
function mayRefuse(fields: readonly Field[]): boolean {
  const size = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return (
    size > 60_000 ||
    fields.some(([, value]) => /[^\t -~\x80-\xff]/.test(value)) ||
    valuesOf(fields, 'origin').length > 0 ||
    valuesOf(fields, 'sec-fetch-site').length > 0 ||
    valuesOf(fields, 'content-type').length > 1 ||
    valuesOf(fields, 'content-type').some((value) => /charset/i.test(value)) ||
    valuesOf(fields, 'expect').some((value) => value.toLowerCase() !== '100-continue')
  );
}

function withoutDropped(fields: readonly Field[]): Field[] {
  const options = listedBy(fields);
  return fields
    .filter(([name]) => {
      const lower = name.toLowerCase();
      if (
        [...hopByHop, 'set-cookie', 'set-cookie2', 'strict-transport-security', 'via', 'x-request-id'].includes(lower)
      )
        return false;
      if (lower.startsWith('proxy-') || lower.startsWith('access-control-')) return false;
      return !options.has(lower) && lower !== 'content-length' && lower !== 'date';
    })
    .map(([name, value]) => [name, trimmed(value)] as const);
}

function withoutProxysOwn(fields: readonly Field[]): Field[] {
  const own = ['via', 'x-request-id', 'connection', 'keep-alive', 'date', 'content-length', 'transfer-encoding'];
  return fields.filter(([name]) => !own.includes(name.toLowerCase()));
}

function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

function isChunked(fields: readonly Field[]): boolean {
  return valuesOf(fields, 'transfer-encoding').join() === 'chunked';
}

function unchunked(text: string): string {
  let body = '';
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, end), 16);
    assert.ok(end !== -1 && size >= 0, 'a broken chunk');
    if (size === 0) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

// ── What is sent ────────────────────────────────────────────────────────────────────────────────────────────────────────

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));

/** Random bytes as a text. */
function bytes(maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ maxLength, size: 'max' }).map((array) => Buffer.from(array).toString('latin1'));
}

const escape = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.boolean())
  .map(([code, small]) => `%${code.toString(16).padStart(2, '0')[small ? 'toLowerCase' : 'toUpperCase']()}`);

const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));

/** A byte of a path that is none of those with a meaning of their own. */
const plainLetter = fc.constantFrom(...'abzAZ019-._~!$&\'()*+,;=:@[]{}|^`"<>\\');

const pathPiece = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: plainLetter, maxLength: 8 }) },
  { weight: 6, arbitrary: fc.constant('/') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('//', '/./', '/../', '/%2e%2E/', '/..%2f', '%2F', '%2f..%2f', '.', '..', '/;/', '/..;/'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '10.0.0.0%2F24',
      'caf%C3%A9',
      '%E2%82%AC',
      '%C3',
      '%ED%A0%80',
      '%EF%BB%BF',
      '%',
      '%4',
      '%zz',
      '%00',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '/openapi.yaml',
      '/scripts/a',
      '/license-key/b/c',
      '/virtual-machines/1',
      '/vm-clusters/1',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/nodes/a/blockdevices/1/partition/2',
      '/machines/a/op-deploy',
      '/op-x',
      'op-',
      'MAAS',
      '#',
    ),
  },
  { weight: 2, arbitrary: escape },
  { weight: 1, arbitrary: visible },
  { weight: 1, arbitrary: byte },
);

const queryPiece = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: visible, maxLength: 8 }) },
  { weight: 3, arbitrary: fc.constantFrom('&', '=', '?', '/', '+', ';', '%26', '%3D', '%', '&&', 'op=x', '//..//') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '&oauth_token=x',
      'oauth_',
      '&%6Fauth_nonce',
      '&OAuth_x',
      '&callback=f',
      'callback',
      '&callbac%6B=',
    ),
  },
  { weight: 2, arbitrary: escape },
  { weight: 1, arbitrary: byte },
);

/** Not said again here: MAAS reads it, or the proxy answers it, in another way than a target. */
const targets = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('/', '/api/2.0', '/MAAS/api/2.0', '/api/2.0/', '/MAAS/api/2.0/') },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          '//MAAS//api///2.0',
          '//api/2.0/',
          '/MAAS/',
          '/MAAS',
          '/MAAS/a/v3/',
          '/api/1.0/',
          '/maas/api/2.0/',
          '/MAAS/api/2.0x',
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'http://localhost',
          'HTTPS://localhost:8240/api/2.0',
          'http://localhost/',
          '*',
          '',
          'x',
          '%2F',
          '\\',
        ),
      },
    ),
    fc.array(pathPiece, { maxLength: 5 }),
    fc.option(fc.array(queryPiece, { maxLength: 6 }), { nil: undefined }),
  )
  .map(([start, path, query]) => start + path.join('') + (query === undefined ? '' : `?${query.join('')}`))
  // A line that ends here is another request, and one without a target is HTTP/0.9.
  .filter((target) => !/[\r\n]/.test(target) && target !== '');

const token = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^`|~_abcxyzABCXYZ0189"), minLength: 1, maxLength: 20 });

const valueByte = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 5, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 1, arbitrary: fc.constant(9) },
);

const value = fc.oneof(
  { weight: 8, arbitrary: fc.array(valueByte, { maxLength: 40 }).map((codes) => String.fromCharCode(...codes)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '\t',
      ' \t a \t ',
      '\xa0',
      '\x85x\x85',
      ',',
      ', ,',
      '"',
      '\xef\xbb\xbf',
      'realm="x"',
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 9_000 }).map((length) => 'long '.repeat(length / 5)) },
);

const badValue = fc
  .tuple(value, fc.integer({ min: 0, max: 0x1f }), value)
  .map(([before, code, after]) => before + String.fromCharCode(code) + after);

/** Named so that a `Connection` can list some of them. */
const ordinaryNames = [
  'Accept',
  'X-One',
  'x-two',
  'X-THREE',
  'If-None-Match',
  'Range',
  'User-Agent',
  'Content-Language',
  'Accept-Encoding',
];

const connectionValue = fc
  .array(fc.constantFrom('close', 'keep-alive', ...ordinaryNames, 'via', 'host', 'authorization', 'X-Request-Id', ''), {
    maxLength: 4,
  })
  .map((names) => names.join(' , '));

const requestField: fc.Arbitrary<Field> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...ordinaryNames), value) },
  { weight: 6, arbitrary: fc.tuple(token, value) },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constantFrom(
        ...[
          'Authorization',
          'COOKIE',
          'Cookie2',
          'Macaroons',
          'Forwarded',
          'X-Real-IP',
          'Via',
          'X-Request-Id',
          'TE',
          'Trailer',
        ],
        ...[
          'Keep-Alive',
          'Proxy-Connection',
          'Proxy-Authorization',
          'X-Forwarded-For',
          'x-forwarded-anything',
          'X_Forwarded_For',
          'HTTP2-Settings',
        ],
      ),
      value,
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('Connection'), connectionValue) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom('Content-Type', 'content-type'),
      fc.constantFrom('text/plain', 'a/b; charset=utf-8', 'a/b;charset=utf-7'),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Field>(
      ['Expect', '100-continue'],
      ['Origin', 'http://elsewhere'],
      ['Sec-Fetch-Site', 'none'],
    ),
  },
);

const requestFields = fc
  .tuple(
    fc.array(requestField, { maxLength: 30, size: 'max' }),
    fc.option(fc.tuple(fc.constant('X-Bad'), badValue), { nil: undefined, freq: 12 }),
    fc.option(fc.integer({ min: 1, max: 300 }), { nil: 0, freq: 8 }),
  )
  .map(([fields, bad, copies]): Field[] => [
    ...fields,
    ...(bad === undefined ? [] : [bad]),
    ...Array.from({ length: copies }, (_, index): Field => ['X-Many', String(index)]),
  ]);

function written(fields: readonly Field[]): string {
  return fields.map(([name, text]) => `${name}:${text}\r\n`).join('');
}

const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS');

/** With its length, or in chunks of these sizes, each with or without an extension, and fields behind them. */
const framings = fc.option(
  fc.record({
    sizes: fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 8 }),
    extension: fc.constantFrom('', ';a', ';a=b', ';a="b;c"', ' ;a = b'),
    trailer: fc.constantFrom('', 'X-Trailer: yes\r\n'),
  }),
  { nil: undefined },
);

/** Where the bytes are cut in two as they are sent, as shares of them. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 });

function framed(
  verb: string,
  body: string,
  framing: { sizes: number[]; extension: string; trailer: string } | undefined,
): string {
  const head = `${verb} /tags/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`;
  if (framing === undefined) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  let chunks = '';
  for (let at = 0, index = 0; at < body.length; index += 1) {
    const chunk = body.slice(at, at + (framing.sizes[index % framing.sizes.length] as number));
    chunks += `${chunk.length.toString(16)}${framing.extension}\r\n${chunk}\r\n`;
    at += chunk.length;
  }
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n${framing.trailer}\r\n`;
}

const answerField: fc.Arbitrary<Field> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.constantFrom('Content-Type', 'X-MAAS-API-Hash', 'Vary', 'Server', 'ETag', 'x-one', 'X-TWO'),
      value,
    ),
  },
  { weight: 6, arbitrary: fc.tuple(token, value) },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constantFrom(
        ...[
          'Set-Cookie',
          'Strict-Transport-Security',
          'Proxy-Status',
          'Access-Control-Allow-Origin',
          'Via',
          'X-Request-Id',
          'Trailer',
        ],
        ...['Proxy-Authenticate', 'X_Under_Score', 'WWW-Authenticate', 'Date'],
      ),
      value,
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('Connection'), fc.constantFrom('x-one', 'close, X-TWO', 'keep-alive')) },
);

const reasonByte = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0x21, max: 0x7e }) },
  { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 1, arbitrary: fc.constantFrom(9, 0x20) },
);

/** Not those that the proxy reads: refused signatures, a region that is down, a time to come again. */
const status = fc.integer({ min: 200, max: 599 }).filter((code) => ![401, 409, 502, 503, 504].includes(code));

const answers = fc
  .record({
    status,
    reason: fc.array(reasonByte, { maxLength: 12 }).map((codes) => trimmed(String.fromCharCode(...codes))),
    fields: fc.array(answerField, { maxLength: 20, size: 'max' }),
    content: bytes(4_000),
    framing: fc.oneof(fc.constant('length' as const), fc.constant('close' as const), framings),
  })
  .map(({ content, framing, ...head }) => {
    const body = head.status === 204 || head.status === 304 ? '' : content;
    const start = `HTTP/1.1 ${head.status} ${head.reason}\r\n${written(head.fields)}`;
    const closes = framing === 'close' || listedBy(head.fields).has('close');
    if (framing === 'close') return { ...head, body, closes, bytes: `${start}\r\n${body}` };
    if (framing === 'length' || framing === undefined || body === '') {
      return { ...head, body, closes, bytes: `${start}Content-Length: ${body.length}\r\n\r\n${body}` };
    }
    const chunked = framed('', body, framing);
    return { ...head, body, closes, bytes: `${start}${chunked.slice(chunked.indexOf('Transfer-Encoding'))}` };
  });

// ── How it is sent ──────────────────────────────────────────────────────────────────────────────────────────────────────

interface Sender {
  readonly maas: RecordingMaas;
  /** Sends a request and reads the final answer. */
  answered(request: string, cutAt?: readonly number[]): Promise<RawMessage>;
  /** The same; says what has arrived. `undefined`: nothing, and the answer is a problem document of status 4xx. */
  exchange(request: string, cutAt?: readonly number[]): Promise<RawMessage | undefined>;
}

async function start(t: TestContext): Promise<Sender> {
  const maas = await startRecordingMaas(t);
  const { url } = await startTestProxy(t, maas.url, { flags: ['--policy', 'unrestricted', '--no-json-to-form'] });
  const port = Number(new URL(url).port);
  const answered: Sender['answered'] = async (request, cutAt = []) => {
    let text = await send(port, request, cutAt);
    while (/^HTTP\/1\.1 1\d\d /.test(text)) text = text.slice(text.indexOf('\r\n\r\n') + 4);
    return readMessage(text);
  };
  return {
    maas,
    answered,
    async exchange(request, cutAt) {
      const before = maas.received.length;
      const { startLine, fields, body } = await answered(request, cutAt);
      const arrived = maas.received.slice(before);
      if (arrived.length === 0) {
        assert.match(startLine, /^HTTP\/1\.1 4\d\d /);
        assert.deepEqual(valuesOf(fields, 'content-type'), ['application/problem+json']);
        assert.match(valuesOf(fields, 'proxy-status').join(), /^maas-auth-proxy; error=/);
        assert.equal((JSON.parse(body) as { status: number }).status, Number(startLine.split(' ')[1]));
      } else {
        assert.equal(arrived.length, 1, 'more than one request has arrived');
        assert.match(startLine, /^HTTP\/1\.1 200 OK$/);
      }
      return arrived[0];
    },
  };
}

/** Sends bytes, cut in pieces, and reads until the proxy closes. */
function send(port: number, request: string, cutAt: readonly number[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let text = '';
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    socket.on('error', () => {}); // what matters is what came
    socket.on('close', () => resolve(text));
    const ends = [
      ...cutAt.map((share) => Math.floor(share * request.length)).toSorted((a, b) => a - b),
      request.length,
    ];
    let begin = 0;
    for (const end of ends) {
      socket.write(request.slice(begin, end), 'latin1');
      begin = end;
    }
  });
}

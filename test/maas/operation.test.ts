import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { resolveApiPath } from '../../src/maas/api-path.ts';
import { formOps } from '../../src/maas/forms/form.ts';
import { findAmbiguity, resolveOperation } from '../../src/maas/operations/operation.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { allOperations, nameOf, operations, type ListedOperation } from '../data/operations.ts';

/** A request as a client writes it. */
interface Written {
  readonly method: string;
  readonly target: string;
  readonly type?: string;
  /** One character for each byte. */
  readonly body?: string;
}

const urlencoded = 'application/x-www-form-urlencoded';
const multipart = 'multipart/form-data; boundary=frontier';

/** What the proxy makes of it: `POST machines/abc/ deploy`, `ambiguous`, or `refused`. */
function understand({ method, target, type, body }: Written): string {
  const path = resolveApiPath(target);
  if (typeof path === 'string') return 'refused';
  const form = body === undefined ? undefined : formOps(type, Buffer.from(body, 'latin1'));
  if (findAmbiguity(method, path, form) !== undefined) return 'ambiguous';
  const { segments, op } = resolveOperation(method, path, form);
  return written(method, segments, op);
}

function written(method: string, segments: readonly string[], op: string | undefined): string {
  return `${method} ${segments.join('/')}/ ${op ?? '-'}`;
}

const encodeAll = (text: string): string =>
  text.replaceAll(/[^/]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
const encodeOne = (text: string): string => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`;
const part = (head: string, value: string): string => `--frontier\r\n${head}\r\n\r\n${value}\r\n`;
const parts = (...all: string[]): string => `${all.join('')}--frontier--\r\n`;
const field = (name: string, value: string): string => part(`Content-Disposition: form-data; name="${name}"`, value);

/** Every way to write an operation that MAAS takes for it. */
function spellings({ method, path, op }: ListedOperation): [string, Written][] {
  const query = op === undefined ? '' : `?op=${op}`;
  const slashed = path.endsWith('/');
  const all: [string, Written][] = [
    ['short address', { method, target: path + query }],
    ['/api/2.0', { method, target: `/api/2.0${path}${query}` }],
    ['/MAAS/api/2.0', { method, target: `/MAAS/api/2.0${path}${query}` }],
    ['// everywhere', { method, target: `//MAAS//api//2.0${path.replaceAll('/', '//')}${query}` }],
    ['a letter of the path encoded', { method, target: `/${encodeOne(path.slice(1))}${query}` }],
    ['all letters of the path encoded', { method, target: encodeAll(path) + query }],
    ['another parameter before', { method, target: `${path}?a=b${query.replace('?', '&')}` }],
    ['a path parameter that is a value', { method, target: `${path}?a=op${query.replace('?', '&')}` }],
  ];
  if (slashed && path !== '/') all.push(['no trailing slash', { method, target: path.slice(0, -1) + query }]);
  if (op === undefined) {
    all.push(
      ['an empty op', { method, target: `${path}?op=` }],
      ['an op without value', { method, target: `${path}?op` }],
    );
    return all;
  }
  all.push(
    ['a duplicate before', { method, target: `${path}?op=${op}&op=${op}` }],
    ['an empty duplicate before', { method, target: `${path}?op=&op=${op}` }],
    ['a letter of the name encoded', { method, target: `${path}?%6fp=${op}` }],
    ['all letters of the name encoded', { method, target: `${path}?%6F%70=${op}` }],
    ['the value encoded', { method, target: `${path}?op=${encodeAll(op)}` }],
    ['ampersands around', { method, target: `${path}?&&op=${op}&&` }],
  );
  if (slashed) {
    all.push(
      ['path suffix', { method, target: `${path}op-${op}` }],
      ['path suffix, encoded', { method, target: `${path}${encodeAll(`op-${op}`)}` }],
      ['path suffix behind //', { method, target: `${path}/op-${op}` }],
      ['path suffix, empty op in the query', { method, target: `${path}op-${op}?op=` }],
    );
  }
  if (method !== 'POST') return all;
  const form = { method, target: path, type: urlencoded };
  const partsForm = { method, target: path, type: multipart };
  all.push(
    ['form', { ...form, body: `op=${op}` }],
    ['form with charset', { ...form, type: `${urlencoded}; charset=UTF-8`, body: `a=b&op=${op}&c=d` }],
    ['form, encoded', { ...form, body: `o%70=${encodeAll(op)}` }],
    ['form, empty op in the query', { ...form, target: `${path}?op=`, body: `op=${op}` }],
    ['form, op without value in the query', { ...form, target: `${path}?op`, body: `op=${op}` }],
    ['multipart', { ...partsForm, body: parts(field('a', 'b'), field('op', op)) }],
    [
      'multipart, quoted boundary',
      { ...partsForm, type: 'multipart/form-data; boundary="frontier"', body: parts(field('op', op)) },
    ],
    [
      'multipart, further heads',
      {
        ...partsForm,
        body: parts(part(`Content-Type: text/plain\r\ncontent-disposition: form-data; name="op"`, op)),
      },
    ],
    [
      'multipart with a file',
      {
        ...partsForm,
        body: parts(part('Content-Disposition: form-data; name="f"; filename="op.txt"', 'x'), field('op', op)),
      },
    ],
  );
  return all;
}

/** Ways that look like an operation and that MAAS takes for something else. */
function nearMisses({ method, path, op = '' }: ListedOperation): [string, Written][] {
  const all: [string, Written][] = [
    ['";" as separator', { method, target: `${path}?a=b;op=${op}` }],
    ['upper case', { method, target: `${path}?OP=${op}` }],
    ['encoded twice', { method, target: `${path}?%256fp=${op}` }],
    ['encoded "="', { method, target: `${path}?op%3D${op}` }],
    ['encoded "&"', { method, target: `${path}?a=b%26op=${op}` }],
    ['a space before the name', { method, target: `${path}?+op=${op}` }],
    ['a space before the value', { method, target: `${path}?op=+${op}` }],
    ['second question mark', { method, target: `${path}??op=${op}` }],
    ['a following empty op', { method, target: `${path}?op=${op}&op=` }],
    ['a following op without value', { method, target: `${path}?op=${op}&op` }],
    ['an op with brackets', { method, target: `${path}?op[]=${op}` }],
    ['a null behind the name', { method, target: `${path}?op%00=${op}` }],
    ['a byte order mark before the name', { method, target: `${path}?%EF%BB%BFop=${op}` }],
    ['GET with a form', { method: 'GET', target: path, type: urlencoded, body: `op=${op}` }],
    ['JSON', { method, target: path, type: 'application/json', body: JSON.stringify({ op }) }],
    ['octets', { method, target: path, type: 'application/octet-stream', body: `op=${op}` }],
    ['plain text', { method, target: path, type: 'text/plain', body: `op=${op}` }],
    ['no type', { method, target: path, body: `op=${op}` }],
    ['dot segments', { method, target: `${path}x/../?op=${op}` }],
  ];
  if (path.endsWith('/')) all.push(['a slash behind the suffix', { method, target: `${path}op-${op}/` }]);
  if (method !== 'POST') {
    const body = parts(field('op', op));
    all.push(['form', { method, target: path, type: urlencoded, body: `op=${op}` }]);
    all.push(['multipart', { method, target: path, type: multipart, body }]);
    return all;
  }
  all.push(
    [
      'a file named op',
      {
        method,
        target: path,
        type: multipart,
        body: parts(part('Content-Disposition: form-data; name="op"; filename="x"', op)),
      },
    ],
    ['a question mark in the form', { method, target: path, type: urlencoded, body: `?op=${op}` }],
    ['the form beside the path', { method, target: `${path}?x=op-${op}`, type: urlencoded, body: 'a=op' }],
  );
  return all;
}

for (const [release, count] of [
  ['3.7.3', 388],
  ['main-2026-08', 407],
] as const) {
  test(`each of the ${count} operations of MAAS ${release} is understood in every spelling`, () => {
    assert.equal(operations[release].length, count);
    for (const operation of operations[release]) {
      const expected = written(operation.method, operation.segments, operation.op);
      for (const [name, request] of spellings(operation)) {
        assert.equal(understand(request), expected, `${nameOf(operation)}, ${name}: ${request.target}`);
      }
    }
  });

  test(`what MAAS ${release} does not take for an operation is not taken for it`, () => {
    for (const operation of operations[release].filter(({ op }) => op !== undefined)) {
      const mistaken = written(operation.method, operation.segments, operation.op);
      for (const [name, request] of nearMisses(operation)) {
        assert.notEqual(understand(request), mistaken, `${nameOf(operation)}, ${name}: ${request.target}`);
      }
    }
  });
}

test('the small MAAS, which reads requests by code of its own, understands each spelling alike', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  /** Unsigned: the operation is noted before the signature is looked at. */
  const ask = async ({ method, target, type, body = '' }: Written): Promise<string> => {
    const bytes = Buffer.from(body, 'latin1');
    const path = resolveApiPath(target);
    assert.notEqual(typeof path, 'string', target);
    const sent = typeof path === 'string' ? target : `/MAAS/api/2.0${path.path}${path.query}`;
    const headers = { 'Content-Length': String(bytes.length), ...(type !== undefined && { 'Content-Type': type }) };
    await new Promise<void>((resolve, reject) => {
      const call = httpRequest(maas.url + sent, { method, headers }, (response) => {
        response.resume().once('end', resolve);
      });
      call.once('error', reject).end(bytes);
    });
    return maas.received.at(-1)?.operation ?? '';
  };
  let known = 0;
  for (const operation of allOperations) {
    const { method, path, op } = operation;
    const plain = `/MAAS/api/2.0${path}${op === undefined ? '' : `?op=${op}`}`;
    const name = await ask({ method, target: plain });
    if (name === `${method} ${plain}`) continue; // the small MAAS does not have it
    known += 1;
    for (const [spelling, request] of spellings(operation)) {
      assert.equal(await ask(request), name, `${name}, ${spelling}: ${request.target}`);
    }
    if (op === undefined) continue;
    for (const [spelling, request] of nearMisses(operation)) {
      if (understand(request) === 'refused') continue;
      assert.notEqual(await ask(request), name, `${name}, ${spelling}: ${request.target}`);
    }
  }
  assert.ok(known >= 50, `only ${known}`);
});

/** Forms in which Django sees an `op` that a plainer reader misses, or the other way round. */
const oddForms: [string, string, string][] = [
  ['type in capitals', 'Application/X-WWW-Form-Urlencoded', 'op=deploy'],
  ['U+0085 behind the type', `${urlencoded}\x85`, 'op=deploy'],
  ['U+00A0 behind the type', `${urlencoded}\xa0`, 'op=deploy'],
  ['";" in a form', urlencoded, 'a=b;op=deploy'],
  ['multipart type in capitals', 'Multipart/Form-Data; boundary=frontier', parts(field('op', 'deploy'))],
  ['no boundary', 'multipart/form-data', parts(field('op', 'deploy'))],
  [
    'a boundary in quotes of another parameter',
    'multipart/form-data; a="; boundary=frontier; "',
    parts(field('op', 'deploy')),
  ],
  ['two boundaries', `${multipart}; boundary=other`, parts(field('op', 'deploy'))],
  ['boundary*', "multipart/form-data; boundary*=utf-8''frontier", parts(field('op', 'deploy'))],
  ['a preamble', multipart, `preamble\r\n${parts(field('op', 'deploy'))}`],
  ['an epilogue', multipart, `${parts(field('a', 'b'))}${field('op', 'deploy')}`],
  ['no closing delimiter', multipart, field('op', 'deploy')],
  ['a delimiter in the middle of a line', multipart, parts(field('a', `b${field('op', 'deploy')}`))],
  ['bare line feeds', multipart, parts(field('op', 'deploy')).replaceAll('\r\n', '\n')],
  ['a space before the name', multipart, parts(field(' op', 'deploy'))],
  ['a tab behind the name', multipart, parts(field('op\t', 'deploy'))],
  ['an encoded name', multipart, parts(field('o%70', 'deploy'))],
  ['an empty file name', multipart, parts(part('Content-Disposition: form-data; name="op"; filename=""', 'deploy'))],
  ['a name without quotes', multipart, parts(part('Content-Disposition: form-data; name=op', 'deploy'))],
  ['name*', multipart, parts(part("Content-Disposition: form-data; name*=utf-8''op", 'deploy'))],
  [
    'name* with an encoded letter',
    multipart,
    parts(part("Content-Disposition: form-data; name*=utf-8''o%70", 'deploy')),
  ],
  ['an escaped letter', multipart, parts(part('Content-Disposition: form-data; name="\\op"', 'deploy'))],
  ['two names', multipart, parts(part('Content-Disposition: form-data; name="a"; name="op"', 'deploy'))],
  ['another disposition', multipart, parts(part('Content-Disposition: attachment; name="op"', 'deploy'))],
  [
    'two dispositions',
    multipart,
    parts(part('Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="op"', 'deploy')),
  ],
  [
    'a second disposition behind a vertical tab',
    multipart,
    parts(part('Content-Disposition: form-data; name="a"\r\n\x0bContent-Disposition: form-data; name="op"', 'deploy')),
  ],
  [
    'a second disposition behind U+00A0',
    multipart,
    parts(
      part('Content-Disposition: form-data; name="a"\r\n\xc2\xa0Content-Disposition: form-data; name="op"', 'deploy'),
    ),
  ],
  ['a folded head', multipart, parts(part('Content-Disposition: form-data;\r\n name="op"', 'deploy'))],
  ['a space before the colon', multipart, parts(part('Content-Disposition : form-data; name="op"', 'deploy'))],
  ['U+00A0 before the name', multipart, parts(part('Content-Disposition: form-data;\xa0name="op"', 'deploy'))],
  ['U+00A0 behind the name', multipart, parts(part('Content-Disposition: form-data; name="op"\xa0', 'deploy'))],
  [
    'base64',
    multipart,
    parts(part('Content-Disposition: form-data; name="op"\r\nContent-Transfer-Encoding: base64', 'ZGVwbG95')),
  ],
  [
    'a head longer than Django looks',
    multipart,
    parts(part(`X-Long: ${'a'.repeat(1100)}\r\nContent-Disposition: form-data; name="op"`, 'deploy')),
  ],
  [
    'more fields than Django reads',
    multipart,
    parts(...Array.from({ length: 1001 }, () => field('a', 'b')), field('op', 'deploy')),
  ],
];

for (const [name, type, body] of oddForms) {
  test(`a form with an op is called ambiguous when it has ${name}`, () => {
    assert.equal(understand({ method: 'POST', target: '/machines/abc/', type, body }), 'ambiguous');
  });
}

test("what the MAAS CLI sends, base64 in every field, is not ambiguous as long as that is not the op's", () => {
  const body = [
    '--===============7330845974216740156==',
    'Content-Type: text/plain; charset="utf-8"',
    'MIME-Version: 1.0',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: form-data; name="comment"',
    '',
    'Zm9v',
    '',
    '--===============7330845974216740156==--',
    '',
  ].join('\r\n');
  const type = 'multipart/form-data; boundary="===============7330845974216740156=="';
  assert.equal(
    understand({ method: 'POST', target: '/machines/abc/?op=lock', type, body }),
    written('POST', ['machines', 'abc'], 'lock'),
  );
});

test('different names in different places are ambiguous, the same name is not', () => {
  for (const [target, body] of [
    ['/machines/abc/?op=lock&op=deploy', ''],
    ['/machines/abc/op-deploy?op=lock', ''],
    ['/machines/abc/?op=lock', 'op=deploy'],
    ['/machines/abc/op-lock', 'op=deploy'],
    ['/machines/abc/', 'op=lock&op=deploy'],
  ] as const) {
    assert.equal(understand({ method: 'POST', target, type: urlencoded, body }), 'ambiguous', `${target} ${body}`);
    const same = { method: 'POST', target: target.replaceAll('deploy', 'lock'), type: urlencoded };
    const answer = understand({ ...same, body: body.replaceAll('deploy', 'lock') });
    assert.equal(answer, written('POST', ['machines', 'abc'], 'lock'), target);
  }
});

test('whatever names stand in query, form and path: the operation is the one of the rule, or called ambiguous', () => {
  const name = fc.constantFrom('lock', 'deploy', '', 'x');
  const key = fc.constantFrom('op', 'o%70', '%6Fp', '%6f%70');
  const other = fc.constantFrom('a=b', 'OP=deploy', 'xop=deploy', '', '=', 'op%5B%5D=deploy');
  const pairs = fc.array(fc.oneof(fc.tuple(key, name, fc.boolean()), other), { maxLength: 4 });
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    base: fc.constantFrom('', '/api/2.0', '/MAAS/api/2.0', '//MAAS/api//2.0'),
    segments: fc.array(fc.constantFrom('machines', 'abc', 'a:b', 'ä', 'op', 'op-x', 'a b'), {
      minLength: 1,
      maxLength: 3,
    }),
    gap: fc.constantFrom('/', '//', '///'),
    suffix: fc.option(fc.constantFrom('lock', 'deploy'), { nil: undefined }),
    query: pairs,
    form: fc.option(pairs, { nil: undefined }),
  });
  fc.assert(
    fc.property(request, ({ method, base, segments, gap, suffix, query, form }) => {
      // Written: a pair without value stands without "=".
      const write = (list: typeof query): string =>
        list
          .map((pair) =>
            typeof pair === 'string' ? pair : pair[1] === '' && pair[2] ? pair[0] : `${pair[0]}=${pair[1]}`,
          )
          .join('&');
      const ops = (list: typeof query): string[] => list.flatMap((pair) => (typeof pair === 'string' ? [] : [pair[1]]));
      const path = `${base}${gap}${segments.map(encodeURIComponent).join(gap)}${gap}`;
      const target = `${path}${suffix === undefined ? '' : `op-${suffix}`}?${write(query)}`;
      // The rule: the query's last, unless it is empty; then the form's last of a POST; then the suffix.
      const inForm = method === 'POST' ? ops(form ?? []) : [];
      const expected = ops(query).at(-1) || inForm.at(-1) || suffix;
      const named = new Set(
        [...ops(query), ...inForm, ...(suffix === undefined ? [] : [suffix])].filter((op) => op !== ''),
      );
      const answer = understand({ method, target, ...(form && { type: urlencoded, body: write(form) }) });
      assert.equal(answer, named.size > 1 ? 'ambiguous' : written(method, segments, expected));
    }),
    { numRuns: 3000 },
  );
});

test('no form of random bytes makes the reader throw, and what it reads is in the bytes', () => {
  const soup = fc
    .array(
      fc.constantFrom(
        '--frontier',
        '--',
        '\r\n',
        '\n',
        'Content-Disposition: form-data; name="op"',
        'op',
        '=',
        '&',
        ';',
        '"',
        'deploy',
        '%6f',
        '\0',
        '\xff',
        ' ',
      ),
      { maxLength: 30 },
    )
    .map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.constantFrom(urlencoded, multipart, 'text/plain'), soup, (type, body) => {
      const read = formOps(type, Buffer.from(body, 'latin1'));
      for (const op of read?.ops ?? []) assert.ok(body.replaceAll('%6f', 'o').includes(op), op);
    }),
    { numRuns: 3000 },
  );
});

// Header fields made up at random.
import * as fc from 'fast-check';

export type Field = readonly [name: string, value: string];

/** The values of all fields with this name, which is in lower case. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** The bytes of a header section. */
export function written(fields: readonly Field[]): string {
  return fields.map(([name, value]) => `${name}:${value}\r\n`).join('');
}

const anyName = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^`|~_abcxyzABCXYZ0189"), minLength: 1, maxLength: 20 });

const valueByte = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 5, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 1, arbitrary: fc.constant(9) },
);

const oddValue = fc.constantFrom(
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
);

const value = fc.oneof(
  { weight: 8, arbitrary: fc.array(valueByte, { maxLength: 40 }).map((codes) => String.fromCharCode(...codes)) },
  { weight: 2, arbitrary: oddValue },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 1_800 }).map((count) => 'long '.repeat(count)) },
);

function named(weight: number, names: readonly string[]): { weight: number; arbitrary: fc.Arbitrary<Field> } {
  return { weight, arbitrary: fc.tuple(fc.constantFrom(...names), value) };
}

/** Some of them are listed by the `Connection` fields below. */
const requestNames = ['Accept', 'X-One', 'x-two', 'X-THREE', 'If-None-Match', 'Range', 'User-Agent', 'Accept-Encoding'];

const droppedRequestNames = [
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
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'X-Forwarded-For',
  'x-forwarded-anything',
  'X_Forwarded_For',
  'HTTP2-Settings',
];

const connectionOption = fc.constantFrom(
  'close',
  'keep-alive',
  ...requestNames,
  'via',
  'host',
  'authorization',
  'X-Request-Id',
  '',
);

const connectionField: fc.Arbitrary<Field> = fc
  .array(connectionOption, { maxLength: 4 })
  .map((names) => ['Connection', names.join(' , ')]);

const forbiddenValue = fc
  .tuple(value, fc.integer({ min: 0, max: 0x1f }), value)
  .map(([before, code, after]) => before + String.fromCharCode(code) + after);

/** A field that a request is refused for, or nearly. */
const doubtfulField: fc.Arbitrary<Field> = fc.oneof(
  fc.constantFrom<Field>(
    ['Expect', '100-continue'],
    ['Origin', 'http://elsewhere'],
    ['Sec-Fetch-Site', 'none'],
    ['Sec-Fetch-Site', 'cross-site'],
    ['Content-Type', 'a/b; charset=utf-8'],
    ['content-type', 'a/b;charset=utf-7'],
  ),
  fc.tuple(fc.constant('X-Bad'), forbiddenValue),
);

/** One field, many times: Node would leave out the 2001st. */
const manyFields = fc
  .integer({ min: 1, max: 2_500 })
  .map((count) => Array.from({ length: count }, (_, index): Field => ['X-Many', String(index)]));

/** Fields of a request, most of them such that it is to be forwarded. */
export const requestFields = fc
  .tuple(
    fc.array(
      fc.oneof(
        named(8, requestNames),
        { weight: 6, arbitrary: fc.tuple(anyName, value) },
        named(4, droppedRequestNames),
        { weight: 1, arbitrary: connectionField },
      ),
      { maxLength: 30, size: 'max' },
    ),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(doubtfulField, { minLength: 1, maxLength: 2 }) },
    ),
    fc.oneof({ weight: 20, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: manyFields }),
  )
  .map((lists): Field[] => lists.flat());

const answerNames = [
  'Content-Type',
  'X-MAAS-API-Hash',
  'Vary',
  'Server',
  'ETag',
  'x-one',
  'X-TWO',
  'X_Under_Score',
  'WWW-Authenticate',
];

const droppedAnswerNames = [
  'Set-Cookie',
  'Strict-Transport-Security',
  'Proxy-Status',
  'Proxy-Authenticate',
  'Access-Control-Allow-Origin',
  'Via',
  'X-Request-Id',
  'Trailer',
  'Date',
];

const answerConnections = fc.constantFrom<Field>(
  ['Connection', 'x-one'],
  ['Connection', 'close, X-TWO'],
  ['Connection', 'keep-alive'],
);

/** Fields of an answer. */
export const answerFields = fc.array(
  fc.oneof(named(8, answerNames), { weight: 6, arbitrary: fc.tuple(anyName, value) }, named(3, droppedAnswerNames), {
    weight: 1,
    arbitrary: answerConnections,
  }),
  { maxLength: 20, size: 'max' },
);

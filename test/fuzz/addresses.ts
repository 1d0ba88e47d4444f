// Addresses made up at random, and which of them should reach MAAS.
import * as fc from 'fast-check';

/** What MAAS should get for a target: the rules of addresses, over again. `undefined`: nothing. */
export function targetAtMaas(target: string): string | undefined {
  const absolute = /^https?:\/\/([^/?#]*)([^]*)$/i.exec(target);
  if (absolute !== null && !/^localhost\.?(?::\d{0,5})?$/i.test(absolute[1] as string)) return undefined;
  const rest = absolute?.[2] ?? target;
  const inOriginForm = absolute === null || rest.startsWith('/') ? rest : `/${rest}`;
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

/** What MAAS has without a slash at the end, and an operation as the path's last word. */
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
export function isPlain(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));

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

/** Targets of requests, about half of them such as should be forwarded. */
export const targets = fc
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
  .map(([beginning, path, query]) => beginning + path.join('') + (query === undefined ? '' : `?${query.join('')}`))
  // A line that ends in it is another request, and spaces around it belong to the line (RFC 9112 §3).
  .filter((target) => target !== '' && !/[\r\n]|^ | $/.test(target));

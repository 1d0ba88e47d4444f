import type { Exchange } from '../exchange.ts';
import { originForm } from '../http/origin-form.ts';
import { findSignatureOverride, resolveApiPath, type ApiPath } from '../maas/api-path.ts';
import { resolveOperation, type Operation } from '../maas/operations/operation.ts';
import { Problem } from '../problem.ts';

/** What of MAAS a request is addressed to. */
export interface Addressed {
  readonly apiPath: ApiPath;
  /** As method and address name it. A POST's form may name another op; step 6 reads it. */
  readonly operation: Operation;
}

/** Step 3: which MAAS API path is meant, and which operation does it name? Step 4 asks whether that one needs a key. */
export function resolveAddress(exchange: Exchange): Addressed {
  const resolved = resolveApiPath(originForm(exchange.target));
  switch (resolved) {
    case 'outside-api':
      throw new Problem(
        'outside-api',
        'Only the API is forwarded: use /MAAS/api/2.0/…, /api/2.0/… or the short form, such as /machines/.',
      );
    case 'malformed':
      throw new Problem(
        'malformed-path',
        'The path must begin with a slash, hold no "#", and every "%" in it must be followed by two hexadecimal digits of UTF-8.',
      );
    case 'dot-segment':
      throw new Problem('malformed-path', 'The path must not hold "." or ".." as a segment, in any encoding.');
  }
  const override = findSignatureOverride(resolved.query);
  if (override !== undefined) {
    throw new Problem(
      'signature-override',
      override === 'callback'
        ? 'MAAS would turn the response into a script because of "callback" in the query; leave it out.'
        : 'MAAS would believe the "oauth_…" names in the query instead of the signature; leave them out, the proxy signs.',
    );
  }
  refuseOddCharset(exchange);
  return { apiPath: resolved, operation: resolveOperation(exchange.method, resolved) };
}

/**
 * A charset in which every ASCII byte means its ASCII character, and no other byte does. It must be written
 * unambiguously: Python takes `utf-8"sig` and `"utf-8;sig"` for UTF-8 with a byte order mark, which it then strips. An
 * empty charset counts as none.
 */
const plainCharset =
  /;[ \t]*charset=("?)(?:utf[-_]?8|(?:us[-_])?ascii|latin[-_]?\d+|iso[-_]?8859[-_]\d+|(?:windows|cp)[-_]?125\d|koi8[-_][ru])?\1[ \t]*(?:;|$)/i;

/**
 * MAAS (Django before 5) decodes the query, and a form, in the charset of the request's Content-Type. In UTF-7 or
 * UTF-16, bytes other than these can spell `op` or `oauth_token`.
 */
function refuseOddCharset({ request }: Exchange): void {
  const type = request.headers['content-type'];
  if (type === undefined || !/charset/i.test(type)) return;
  if (plainCharset.test(type) && type.toLowerCase().split('charset').length === 2) return;
  throw new Problem(
    'charset-not-supported',
    'MAAS would read the address in the charset of the Content-Type; use UTF-8, or leave the charset out.',
  );
}

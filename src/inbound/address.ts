import type { Exchange } from '../exchange.ts';
import { findSignatureOverride, resolveApiPath } from '../maas/api-path.ts';
import { Problem } from '../problem.ts';

/** Step 3: which MAAS API path is meant? */
export function address(exchange: Exchange): void {
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
        ? 'MAAS would turn the answer into a script because of "callback" in the query; leave it out.'
        : 'MAAS would believe the "oauth_…" names in the query instead of the signature; leave them out, the proxy signs.',
    );
  }
  exchange.apiPath = resolved;
}

/** The target in origin form; a server must accept the absolute form too (RFC 9112 §3.2.2). */
function originForm(target: string): string {
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target);
  if (absolute === null) return target;
  const rest = target.slice(absolute[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

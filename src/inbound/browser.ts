import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';
import { schemeOf } from '../http/scheme.ts';

/**
 * Step 2: does a web page of another origin send this? A page may send requests to any address that the browser
 * reaches, and the proxy would sign them (OWASP: cross-site request forgery). Browsers name the origin: in
 * `Sec-Fetch-Site`, and in `Origin` for everything but a plain GET.
 */
export function checkBrowser({ request }: Pick<Exchange, 'request'>): void {
  const { headers } = request;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw crossSite();
  const { origin } = headers;
  if (origin === undefined) return;
  const scheme = schemeOf(request.socket);
  if (origin.toLowerCase() !== `${scheme}://${headers.host?.toLowerCase()}`) throw crossSite();
}

function crossSite(): Problem {
  return new Problem(
    'cross-site',
    'A web page of another origin sent this, and the proxy signs for nobody else; call it from a program, not from a page.',
  );
}

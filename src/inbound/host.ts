import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';

/** `uri-host [ ":" port ]` of RFC 9112 §3.2, without the user information that RFC 9110 §4.2.4 forbids. */
const hostForm =
  /^(?:\[[0-9A-Fa-f:.]+\]|\[v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+)(?::\d{0,5})?$/;

/** Step 1: exactly one `Host`, well-formed (RFC 9112 §3.2). Read from the raw fields, because Node keeps the first of two. */
export function host({ request }: Exchange): void {
  const { rawHeaders } = request;
  let found: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if ((rawHeaders[index] as string).toLowerCase() !== 'host') continue;
    if (found !== undefined) throw new Problem('bad-host', 'The request must have one Host header, not two.');
    found = rawHeaders[index + 1] as string;
  }
  if (found === undefined) throw new Problem('bad-host', 'The request must have a Host header.');
  if (!hostForm.test(found)) {
    throw new Problem('bad-host', 'The Host header must be a host name or an IP address, and a port if there is one.');
  }
}

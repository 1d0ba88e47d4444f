import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { fieldValues, type Fields } from '../http/fields.ts';
import { Problem } from '../problem.ts';
import { plainAddress } from '../http/peer.ts';

/** `uri-host [ ":" port ]` of RFC 9112 §3.2, without the user information that RFC 9110 §4.2.4 forbids. */
const hostForm =
  /^(\[[0-9A-Fa-f:.]+\]|\[v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+)(?::\d{0,5})?$/;

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Addresses that mean "all interfaces" when one listens on them, and are nobody's name. */
const wildcards = new Set(['0.0.0.0', '::']);

/**
 * Step 1: exactly one `Host`, well-formed (RFC 9112 §3.2), and one of the proxy's own names. A web page can have its
 * own name resolved to 127.0.0.1 (DNS rebinding); the browser then takes the proxy for the page's server, but the
 * `Host` field still has the page's name. It is read from the raw fields, because Node drops the second of two.
 *
 * The admin listener checks `Host` in the same way.
 *
 * @param listensOn the address that the proxy listens on
 * @param further further allowed names; `*` for any
 */
export function createHostCheck(
  listensOn: string,
  further: readonly string[],
): (received: Pick<Exchange, 'request' | 'target'>) => void {
  const allowed = new Set([...loopbackNames, ...further.map(normal)]);
  if (!wildcards.has(listensOn)) allowed.add(normal(listensOn.includes(':') ? `[${listensOn}]` : listensOn));
  const any = further.includes('*');
  return ({ request, target }) => {
    const found = onlyHost(request.rawHeaders);
    const names = [nameOf(found)];
    // In absolute form the target counts (RFC 9112 §3.2.2); both must be right.
    const authority = /^https?:\/\/([^/?#]*)/i.exec(target)?.[1];
    if (authority !== undefined) names.push(nameOf(authority));
    const strange = any ? undefined : names.find((name) => !allowed.has(name) && name !== ownAddress(request.socket));
    if (strange !== undefined) {
      throw new Problem(
        'unknown-host',
        `The proxy does not go by the name "${strange}"; if it should, add the name to --allowed-hosts (ALLOWED_HOSTS).`,
      );
    }
  };
}

function onlyHost(rawHeaders: Fields): string {
  const [found, second] = fieldValues(rawHeaders, 'host');
  if (second !== undefined) throw new Problem('bad-host', 'The request must have one Host header, not two.');
  if (found === undefined) throw new Problem('bad-host', 'The request must have a Host header.');
  return found;
}

function nameOf(hostAndPort: string): string {
  const name = hostForm.exec(hostAndPort)?.[1];
  if (name === undefined) {
    throw new Problem('bad-host', 'The Host header must be a host name or an IP address, and a port if there is one.');
  }
  return normal(name);
}

/** Names are compared without regard to case and to the final dot of the DNS root. */
function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** The address that the client connected to: it is not a name, so DNS rebinding is impossible. */
function ownAddress({ localAddress: address }: Socket): string | undefined {
  if (address === undefined) return undefined;
  // No client sends the zone of a link-local address (RFC 6874 §4).
  const plain = plainAddress(address).replace(/%.*$/, '');
  return plain.includes(':') ? `[${plain}]` : plain;
}

import { hasExpired, hasSecret } from '../clients/client.ts';
import { createNonces, signatureWindow, type Nonces } from '../clients/nonces.ts';
import type { KnownClient, Registry } from '../clients/registry.ts';
import type { Step } from '../exchange.ts';
import { parseOauthHeader, type OauthHeader } from '../maas/oauth-header.ts';
import { peerAddress } from '../peer.ts';
import { Problem } from '../problem.ts';

/**
 * Step 4: whose key is it? A client proves itself by the OAuth header that any MAAS client sends, by `Bearer KEY`, or by
 * Basic (`curl -u NAME:KEY`). OAuth clients are answered in MAAS's own words, which they know.
 *
 * @param registry the clients; `undefined` where there is no clients file and nobody has to prove anything
 */
export function client(registry: Registry | undefined): Step {
  if (registry === undefined) return () => undefined;
  const nonces = createNonces();
  const slow = createSlowness();
  return (exchange) => {
    try {
      exchange.client = recognise(registry, nonces, exchange.request.headers.authorization);
      return undefined;
    } catch (error) {
      const wait = slow(peerAddress(exchange.request.socket) ?? 'unix');
      if (wait === 0) throw error;
      return new Promise((_, reject) => {
        setTimeout(() => reject(error as Error), wait);
      });
    }
  };
}

function recognise(registry: Registry, nonces: Nonces, authorization: string | undefined): KnownClient {
  if (authorization === undefined)
    throw unproven('The gateway needs a key: send it as Bearer token, as the password of Basic, or sign with it.');
  if (authorization.startsWith('OAuth ')) return byOauth(registry, nonces, authorization);
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return byKey(registry, credentials);
    case 'basic': {
      const [name = '', ...key] = Buffer.from(credentials, 'base64').toString('utf8').split(':');
      return byKey(registry, key.join(':'), name);
    }
    default:
      throw unproven('The gateway understands the schemes OAuth (PLAINTEXT), Bearer and Basic.');
  }
}

function byKey(registry: Registry, key: string, name?: string): KnownClient {
  const [consumer = '', token = '', secret = '', ...more] = key.split(':');
  const found = registry.find(consumer);
  if (found === undefined || more.length > 0 || found.client.token !== token || !hasSecret(found.client, secret)) {
    throw unproven('The gateway does not know this key: it was revoked, or not copied whole.');
  }
  if (name !== undefined && name !== '' && name !== found.client.name) {
    throw unproven('The key belongs to another name than the one given with it.');
  }
  if (hasExpired(found.client, Date.now())) throw unproven('The key has expired; ask for a new one.');
  return found;
}

function byOauth(registry: Registry, nonces: Nonces, authorization: string): KnownClient {
  const header = parseOauthHeader(authorization);
  if (header === undefined) throw inMaasWords('Forbidden');
  if (header.method !== 'PLAINTEXT') {
    throw inMaasWords(`Authorization Error: 'Invalid signature method: the gateway needs PLAINTEXT, as MAAS does.'`);
  }
  const found = registry.find(header.consumer);
  if (found === undefined) throw inMaasWords('Authorization Error: Invalid API key.');
  if (found.client.token !== header.token || hasExpired(found.client, Date.now())) {
    throw inMaasWords(`Authorization Error: 'Invalid access token: ${printable(header.token)}'`);
  }
  if (!header.signature.startsWith('&') || !hasSecret(found.client, header.signature.slice(1))) {
    throw inMaasWords("Authorization Error: 'Invalid signature.'");
  }
  checkFreshness(nonces, header);
  return found;
}

function checkFreshness(nonces: Nonces, { consumer, token, nonce, timestamp }: OauthHeader): void {
  const now = Math.floor(Date.now() / 1000);
  if (Number.isNaN(timestamp)) throw inMaasWords("Authorization Error: 'Invalid timestamp'");
  if (now - timestamp > signatureWindow) {
    throw inMaasWords(
      `Authorization Error: 'Expired timestamp: given ${timestamp} and now ${now} has a greater difference than threshold ${signatureWindow}'`,
    );
  }
  // A clock that is ahead is no fault at MAAS either, but its nonces must be remembered for longer.
  if (!nonces.use(`${consumer}:${token}:${nonce}`, Math.max(now, timestamp) + signatureWindow, now)) {
    throw inMaasWords(`Authorization Error: 'Nonce already used: ${printable(nonce)}'`);
  }
}

function unproven(sentence: string): Problem {
  return new Problem('client-unknown', sentence, {
    challenge: 'Bearer, Basic realm="maas-auth-proxy", charset="UTF-8"',
  });
}

/** What an OAuth client is told: as MAAS says it, so that the client says to its user what it would of MAAS. */
function inMaasWords(text: string): Problem {
  return new Problem('client-unknown', text, {
    challenge: 'OAuth realm="OAuth"',
    text: { type: text === 'Forbidden' ? 'text/plain' : 'text/html; charset=utf-8', body: text },
  });
}

function printable(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._~-]/g, '?').slice(0, 64);
}

/** After this many failures of one address within a minute, each further one is answered late. */
const patience = { failures: 10, window: 60_000, wait: 1_000, addresses: 10_000 };

/** Slows down who tries keys. @returns how long the answer to an address's failure is held back, ms */
function createSlowness(): (address: string) => number {
  const failures = new Map<string, { count: number; since: number }>();
  return (address) => {
    const now = Date.now();
    const known = failures.get(address);
    const entry = known === undefined || now - known.since > patience.window ? { count: 0, since: now } : known;
    entry.count += 1;
    failures.delete(address);
    failures.set(address, entry);
    const [oldest] = failures.keys();
    if (failures.size > patience.addresses && oldest !== undefined) failures.delete(oldest);
    return entry.count > patience.failures ? patience.wait : 0;
  };
}

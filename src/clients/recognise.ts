import { OauthRefusal, parseOauthHeader, shortened, refusal, type OauthHeader } from '../maas/oauth-header.ts';
import { Problem } from '../problem.ts';
import { hasSecret } from './client.ts';
import { signatureWindow, type Nonces } from './nonces.ts';
import type { KnownClient, Registry } from './registry.ts';

/**
 * Finds the client that an `Authorization` header proves.
 *
 * @param authorization the header's value, `undefined` where there is none
 * @throws {Problem} `client-unknown`, in MAAS's own words for clients that sign
 */
export async function recognise(
  registry: Registry,
  nonces: Nonces,
  authorization: string | undefined,
): Promise<KnownClient> {
  if (authorization === undefined)
    throw unproven('The gateway needs a key: send it as Bearer token, as the password of Basic, or sign with it.');
  if (authorization.startsWith('OAuth ')) return byOauth(registry, nonces, authorization);
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return byKey(registry, credentials);
    case 'basic':
      return byPassword(registry, Buffer.from(credentials, 'base64').toString('utf8'));
    default:
      throw unproven(
        'The gateway understands OAuth (in these letters, with PLAINTEXT), Bearer and Basic, each with its key.',
      );
  }
}

/** `curl -u NAME:KEY`, `curl -u :KEY`, and `curl -u KEY`, whose first part passes for the name. */
function byPassword(registry: Registry, credentials: string): KnownClient {
  const parts = credentials.split(':');
  const name = parts.length > 3 ? parts.shift() : '';
  const found = byKey(registry, parts.join(':'));
  if (name !== '' && name !== found.client.name) {
    throw unproven('The key belongs to another name than the one given with it.');
  }
  return found;
}

function byKey(registry: Registry, key: string): KnownClient {
  const [consumer = '', token = '', secret = '', ...more] = key.split(':');
  const found = registry.find(consumer);
  if (found === undefined || more.length > 0 || found.client.token !== token || !hasSecret(found.client, secret)) {
    throw unproven('The gateway does not know this key: it was revoked, or not copied whole.');
  }
  if (found.endsAt <= Date.now()) throw unproven('The key has expired; ask for a new one.');
  return found;
}

async function byOauth(registry: Registry, nonces: Nonces, authorization: string): Promise<KnownClient> {
  try {
    const header = parseOauthHeader(authorization);
    const found = bySignature(registry, header);
    await refuseUsed(nonces, header);
    return found;
  } catch (error) {
    if (!(error instanceof OauthRefusal)) throw error;
    throw inMaasWords(error.message);
  }
}

/** A secret is looked at before the nonce, so that only who has it can fill the memory of nonces. */
function bySignature(registry: Registry, { consumer, token, method, signature }: OauthHeader): KnownClient {
  if (method !== 'PLAINTEXT') {
    throw refusal(
      `Signature method ${shortened(method)} not supported: PLAINTEXT is needed, because the gateway keeps no secret to check others with`,
    );
  }
  const found = registry.find(consumer);
  if (found === undefined) throw new OauthRefusal('Authorization Error: Invalid API key.');
  if (found.client.token !== token) throw refusal(`Invalid access token: ${shortened(token)}`);
  if (!signature.startsWith('&') || !hasSecret(found.client, signature.slice(1))) throw refusal('Invalid signature.');
  if (found.endsAt <= Date.now()) {
    throw new OauthRefusal('Authorization Error: Invalid API key. It has expired; ask for a new one.');
  }
  return found;
}

/** A signature counts once, within its window. */
async function refuseUsed(nonces: Nonces, { consumer, token, nonce, timestamp }: OauthHeader): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  if (Number.isNaN(timestamp)) throw refusal('Invalid timestamp: it must be whole seconds since 1970');
  if (now - timestamp > signatureWindow) {
    throw refusal(
      `Expired timestamp: given ${timestamp} and now ${now} has a greater difference than threshold ${signatureWindow}`,
    );
  }
  if (timestamp - now > furthestAhead) {
    throw refusal(`Invalid timestamp: given ${timestamp} and now ${now} is more than a day ahead`);
  }
  if (nonce === '' || nonce.length > maxNonce) throw refusal(`Invalid nonce: it must have 1 to ${maxNonce} characters`);
  // MAAS takes a clock that is ahead for no fault either, but such a signature can be used for longer.
  if (!(await nonces.use(`${consumer}:${token}:${nonce}`, Math.max(now, timestamp) + signatureWindow, now))) {
    throw refusal(`Nonce already used: ${shortened(nonce)}`);
  }
}

/** How far a client's clock may be ahead, s: a wrong time zone passes, and no nonce has to be remembered for years. */
const furthestAhead = 86_400;

/** MAAS's database has room for so many characters. */
const maxNonce = 255;

function unproven(sentence: string): Problem {
  return new Problem('client-unknown', sentence, {
    challenge: 'Bearer realm="maas-auth-proxy", Basic realm="maas-auth-proxy", charset="UTF-8"',
  });
}

/** What an OAuth client is told: as MAAS says it, so that the client says to its user what it would of MAAS. */
function inMaasWords(text: string): Problem {
  return new Problem('client-unknown', text, {
    challenge: 'OAuth realm="OAuth"',
    text: { type: text === 'Forbidden' ? 'text/plain' : 'text/html; charset=utf-8', body: text },
  });
}

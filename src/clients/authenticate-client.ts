import { OauthRefusal, parseOauthHeader, shortened, refusal, type OauthHeader } from '../maas/oauth-header.ts';
import { Problem } from '../problem.ts';
import { hasSecret } from './client.ts';
import { signatureWindow, type Nonces } from './nonces.ts';
import type { ActiveClient, Registry } from './registry.ts';

/**
 * Finds the client that an `Authorization` header authenticates.
 *
 * @param authorization the header's value; `undefined` if there is none
 * @throws {Problem} `client-unknown`, in MAAS's own words for clients that sign; its `cause`, and its `client` if the
 *   consumer key is in the clients file, are only for the log
 */
export async function authenticateClient(
  registry: Registry,
  nonces: Nonces,
  authorization: string | undefined,
): Promise<ActiveClient> {
  if (authorization === undefined) {
    throw unauthenticated(
      'The gateway needs a key: send it as Bearer token, as the password of Basic, or sign with it.',
      {
        cause: 'no key',
      },
    );
  }
  if (authorization.startsWith('OAuth ')) return byOauth(registry, nonces, authorization);
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return byKey(registry, credentials);
    case 'basic':
      return byPassword(registry, Buffer.from(credentials, 'base64').toString('utf8'));
    default:
      throw unauthenticated(
        'The gateway understands OAuth (in these letters, with PLAINTEXT), Bearer and Basic, each with its key.',
        // The scheme is not repeated: a key may be in its place.
        { cause: 'neither OAuth nor Bearer nor Basic' },
      );
  }
}

/** The reason of a refusal, only for the log. It contains no secret. */
interface Why {
  readonly cause: string;
  /** The client that the consumer key belongs to. */
  readonly client?: string | undefined;
}

/** `curl -u NAME:KEY`, `curl -u :KEY`, and `curl -u KEY`, whose first part passes for the name. */
function byPassword(registry: Registry, credentials: string): ActiveClient {
  const parts = credentials.split(':');
  const name = parts.length > 3 ? parts.shift() : '';
  const found = byKey(registry, parts.join(':'));
  if (name !== '' && name !== found.client.name) {
    throw unauthenticated('The key belongs to another name than the one given with it.', {
      cause: 'another name than the key has',
      client: found.client.name,
    });
  }
  return found;
}

function byKey(registry: Registry, key: string): ActiveClient {
  const [consumer = '', token = '', secret = '', ...more] = key.split(':');
  const found = registry.find(consumer);
  const why = (cause: string): Why => ({ cause, client: found?.client.name });
  if (found === undefined) throw unknownKey(whyUnknown(registry, consumer));
  if (more.length > 0) throw unknownKey(why('more than the key'));
  if (found.client.token !== token) throw unknownKey(why('wrong token'));
  if (!hasSecret(found.client, secret)) throw unknownKey(why('wrong secret'));
  if (found.endsAt <= Date.now()) {
    throw unauthenticated('The key has expired; ask for a new one.', why(`expired on ${found.client.expires}`));
  }
  return found;
}

function unknownKey(why: Why): Problem {
  return unauthenticated('The gateway does not know this key: it was revoked, or not copied whole.', why);
}

function whyUnknown(registry: Registry, consumer: string): Why {
  const client = registry.formerly(consumer);
  return client === undefined ? { cause: 'unknown key' } : { cause: 'revoked', client };
}

async function byOauth(registry: Registry, nonces: Nonces, authorization: string): Promise<ActiveClient> {
  const header = read(authorization);
  const found = bySignature(registry, header);
  await refuseUsed(nonces, header, found.client.name);
  return found;
}

function read(authorization: string): OauthHeader {
  try {
    return parseOauthHeader(authorization);
  } catch (error) {
    if (!(error instanceof OauthRefusal)) throw error;
    const words = /'(.*)'$/.exec(error.message)?.[1] ?? 'a part of it is missing';
    throw inMaasWords(error, { cause: `OAuth header: ${words}` });
  }
}

/** The secret is checked before the nonce, so that only a client with the secret can fill the list of used nonces. */
function bySignature(registry: Registry, { consumer, token, method, signature }: OauthHeader): ActiveClient {
  const found = registry.find(consumer);
  const why = (cause: string): Why => ({ cause, client: found?.client.name });
  if (method !== 'PLAINTEXT') {
    throw inMaasWords(
      refusal(
        `Signature method ${shortened(method)} not supported: PLAINTEXT is needed, because the gateway keeps no secret to check others with`,
      ),
      why(`unsupported signature method ${shortened(method)}`),
    );
  }
  if (found === undefined) {
    throw inMaasWords(new OauthRefusal('Authorization Error: Invalid API key.'), whyUnknown(registry, consumer));
  }
  if (found.client.token !== token) {
    throw inMaasWords(refusal(`Invalid access token: ${shortened(token)}`), why('wrong token'));
  }
  if (!signature.startsWith('&') || !hasSecret(found.client, signature.slice(1))) {
    throw inMaasWords(refusal('Invalid signature.'), why('wrong secret'));
  }
  if (found.endsAt <= Date.now()) {
    throw inMaasWords(
      new OauthRefusal('Authorization Error: Invalid API key. It has expired; ask for a new one.'),
      why(`expired on ${found.client.expires}`),
    );
  }
  return found;
}

/** A signature is valid once, within its window. */
async function refuseUsed(
  nonces: Nonces,
  { consumer, token, nonce, timestamp }: OauthHeader,
  client: string,
): Promise<void> {
  const refuse = (sentence: string, cause: string): Problem => inMaasWords(refusal(sentence), { cause, client });
  const now = Math.floor(Date.now() / 1000);
  if (Number.isNaN(timestamp)) {
    throw refuse('Invalid timestamp: it must be whole seconds since 1970', 'malformed timestamp');
  }
  if (now - timestamp > signatureWindow) {
    throw refuse(
      `Expired timestamp: given ${timestamp} and now ${now} has a greater difference than threshold ${signatureWindow}`,
      `timestamp off by ${now - timestamp} s, in the past`,
    );
  }
  if (timestamp - now > furthestAhead) {
    throw refuse(
      `Invalid timestamp: given ${timestamp} and now ${now} is more than a day ahead`,
      `timestamp off by ${timestamp - now} s, in the future`,
    );
  }
  if (nonce === '' || nonce.length > maxNonce) {
    throw refuse(`Invalid nonce: it must have 1 to ${maxNonce} characters`, 'malformed nonce');
  }
  // MAAS accepts a clock that is ahead too, but such a signature can be used for longer.
  if (!(await nonces.use(`${consumer}:${token}:${nonce}`, Math.max(now, timestamp) + signatureWindow, now))) {
    throw refuse(`Nonce already used: ${shortened(nonce)}`, 'replayed nonce');
  }
}

/** How far a client's clock may be ahead, s: a wrong time zone is accepted, and no nonce has to be stored for years. */
const furthestAhead = 86_400;

/** The longest nonce that MAAS's database can store, characters. */
const maxNonce = 255;

function unauthenticated(sentence: string, why: Why): Problem {
  return new Problem('client-unknown', sentence, {
    challenge: 'Bearer realm="maas-auth-proxy", Basic realm="maas-auth-proxy", charset="UTF-8"',
    ...why,
  });
}

/** The response to an OAuth client, in MAAS's own words, so that the client handles it like MAAS's. */
function inMaasWords({ message }: OauthRefusal, why: Why): Problem {
  return new Problem('client-unknown', message, {
    challenge: 'OAuth realm="OAuth"',
    text: { type: message === 'Forbidden' ? 'text/plain' : 'text/html; charset=utf-8', body: message },
    ...why,
  });
}

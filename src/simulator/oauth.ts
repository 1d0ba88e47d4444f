// OAuth 1.0 PLAINTEXT, verified step by step as MAAS's library does, including its faults.
import { Refusal, raised } from './response.ts';
import type { Accounts, Token } from './accounts.ts';
import { last, percentDecode, urlencoded, type Fields } from './fields.ts';

const REQUIRED = ['consumer_key', 'token', 'signature', 'signature_method', 'timestamp', 'nonce'].map(
  (n) => `oauth_${n}`,
);
const WINDOW = 300; // seconds

export interface SignedRequest {
  authorization: string | undefined;
  /** The raw query, without `?`. */
  query: string;
  /** The form fields of a POST. */
  form: Fields;
}

/** The nonces already used, by `consumer token`. MAAS keeps them in its database. */
export type Nonces = Map<string, Set<string>>;
const NONCES_KEPT = 200_000;

function unauthorized(text: string): never {
  const response = raised(401, text, 'text/html; charset=utf-8');
  response.headers.push(['WWW-Authenticate', 'OAuth realm="OAuth"']);
  throw new Refusal(response);
}

/** Python's repr of a string, as in the 401 bodies. */
function repr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`) + quote;
}
const oauthError = (message: string): never => unauthorized(`Authorization Error: ${repr(message)}`);
/** An exception that MAAS does not catch. */
const crash = (text: string): never => {
  throw new Refusal(raised(500, text));
};

/** Whether this is an OAuth request: MAAS searches for six words in the header, or six names in query or form. */
export function isSigned({ authorization = '', query, form }: SignedRequest): boolean {
  const names = urlencoded(query);
  return (
    REQUIRED.every((name) => authorization.includes(name)) ||
    REQUIRED.every((name) => names.has(name)) ||
    REQUIRED.every((name) => form.has(name))
  );
}

/**
 * From form, header and query; a later one overrides an earlier one (MAAS 3.7.3, seen: `oauth_token` in the query
 * wins).
 */
function parameters({ authorization = '', query, form }: SignedRequest): Map<string, string> {
  const found = new Map([...form.keys()].map((name) => [name, last(form, name) ?? '']));
  // `oauth ` in lower case is not recognised, and MAAS then crashes because it has no request (3.7.3, seen).
  if (authorization.startsWith('OAuth ')) {
    for (const part of authorization.slice('OAuth '.length).split(',')) {
      // Meant for the realm parameter, but a nonce that contains these letters is dropped as well.
      if (part.includes('realm')) continue;
      const [name = '', ...value] = part.trim().split('=');
      if (value.length === 0) oauthError('Unable to parse OAuth parameters from Authorization header.');
      found.set(name, percentDecode(value.join('=').replaceAll(/^"+|"+$/g, '')));
    }
  }
  for (const [name, values] of urlencoded(query)) {
    const first = values.find((value) => value !== '');
    if (first !== undefined) found.set(name, percentDecode(first));
  }
  return found;
}

/** The token that signed the request. `now` in seconds. @throws {Refusal} with MAAS's own text */
export function verify(request: SignedRequest, accounts: Accounts, nonces: Nonces, now: number): Token {
  const given = parameters(request);
  if (given.size === 0) crash("'NoneType' object has no attribute 'verify_request'");
  const get = (name: string): string => given.get(name) ?? oauthError(`Parameter not found: ${name}`);

  const version = given.get('oauth_version');
  if (version && version !== '1.0') oauthError(`OAuth version ${version} not supported.`);
  const consumer = get('oauth_consumer_key');
  if (!accounts.tokens.some((token) => token.consumer === consumer)) {
    unauthorized('Authorization Error: Invalid API key.');
  }
  const key = get('oauth_token');
  const token = accounts.tokens.find((one) => one.token === key) ?? oauthError(`Invalid access token: ${key}`);

  const timestamp = get('oauth_timestamp');
  const nonce = get('oauth_nonce');
  if (!/^\s*[+-]?\d+\s*$/.test(timestamp)) crash(`invalid literal for int() with base 10: ${repr(timestamp)}`);
  const stamp = Number(timestamp);
  if (now - stamp > WINDOW) {
    oauthError(`Expired timestamp: given ${stamp} and now ${now} has a greater difference than threshold ${WINDOW}`);
  }
  if (nonce.length > 255) crash('value too long for type character varying(255)\n');
  remember(nonces, `${consumer} ${key}`, nonce);

  const method = given.get('oauth_signature_method') ?? 'PLAINTEXT';
  if (method !== 'PLAINTEXT') {
    // MAAS also supports HMAC-SHA1, and its text says so; the simulator does not support it.
    oauthError(`Signature method ${method} not supported try one of the following: PLAINTEXT, HMAC-SHA1`);
  }
  if (get('oauth_signature') !== `&${token.secret}`) {
    // The base string of PLAINTEXT is the key itself: MAAS prints the true secret (3.4.10 and 3.7.3, seen).
    oauthError(`Invalid signature. Expected signature base string: &${token.secret}`);
  }
  return token;
}

/** A nonce counts as used even if the signature turns out to be wrong. */
function remember(nonces: Nonces, owner: string, nonce: string): void {
  let seen = nonces.get(owner);
  if (!seen) nonces.set(owner, (seen = new Set()));
  if (seen.has(nonce)) oauthError(`Nonce already used: ${nonce}`);
  seen.add(nonce);
  if (seen.size > NONCES_KEPT) for (const oldest of [...seen].slice(0, NONCES_KEPT / 2)) seen.delete(oldest);
}

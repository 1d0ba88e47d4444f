/** The parts of an OAuth 1.0 `Authorization` header that identify a client. */
export interface OauthHeader {
  readonly consumer: string;
  readonly token: string;
  /** `PLAINTEXT`, or the client's other method. */
  readonly method: string;
  /** The signature, percent-decoded; for PLAINTEXT `&` and the token secret (RFC 5849 §3.4.4). */
  readonly signature: string;
  readonly nonce: string;
  /** Whole seconds since 1970; `NaN` if it is no integer. */
  readonly timestamp: number;
}

/** Says in MAAS's own words why it would refuse a header: the text of its 401. */
export class OauthRefusal extends Error {
  override name = 'OauthRefusal';
}

const required = [
  'oauth_consumer_key',
  'oauth_token',
  'oauth_signature_method',
  'oauth_signature',
  'oauth_nonce',
  'oauth_timestamp',
] as const;

/**
 * Parses an OAuth header as MAAS does: the scheme is exactly `OAuth `, all six names are required, a part that contains
 * the letters `realm` anywhere is dropped, quotes around a value are optional, values are percent-encoded, and the last
 * duplicate wins.
 *
 * @throws {OauthRefusal} what MAAS would respond
 */
export function parseOauthHeader(value: string): OauthHeader {
  if (!value.startsWith('OAuth ') || !required.every((name) => value.includes(name)))
    throw new OauthRefusal('Forbidden');
  const parameters = new Map<string, string>();
  for (const part of value.slice('OAuth '.length).split(',')) {
    if (part.includes('realm')) continue;
    const parameter = part.trim();
    const equals = parameter.indexOf('=');
    if (equals === -1) throw refusal('Unable to parse OAuth parameters from Authorization header.');
    parameters.set(parameter.slice(0, equals), decode(withoutQuotes(parameter.slice(equals + 1))));
  }
  const version = parameters.get('oauth_version') ?? '';
  if (version !== '' && version !== '1.0') throw refusal(`OAuth version ${shortened(version)} not supported.`);
  const get = (name: (typeof required)[number]): string => {
    const found = parameters.get(name);
    if (found === undefined) throw refusal(`Parameter not found: ${name}`);
    return found;
  };
  const timestamp = get('oauth_timestamp');
  return {
    consumer: get('oauth_consumer_key'),
    token: get('oauth_token'),
    method: get('oauth_signature_method'),
    signature: get('oauth_signature'),
    nonce: get('oauth_nonce'),
    timestamp: /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN,
  };
}

/** A refusal in MAAS's form. @param sentence without quotes and backslashes */
export function refusal(sentence: string): OauthRefusal {
  return new OauthRefusal(`Authorization Error: '${sentence}'`);
}

/**
 * A text of the client, made safe to be repeated to it: MAAS's response is HTML. Only the beginning is repeated,
 * because a secret may stand in the wrong place.
 */
export function shortened(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9._~-]/g, '?');
  return plain.length > 12 ? `${plain.slice(0, 4)}…` : plain;
}

function withoutQuotes(text: string): string {
  return text.replaceAll(/^"+|"+$/g, '');
}

/** Percent-decoding that never fails, like Python's: broken escapes stay, broken UTF-8 becomes U+FFFD. */
function decode(text: string): string {
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

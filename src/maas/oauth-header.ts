/** The parts of an OAuth 1.0 `Authorization` header that identify a client. */
export interface OauthHeader {
  readonly consumer: string;
  readonly token: string;
  /** `PLAINTEXT`, or what the client has used in its place. */
  readonly method: string;
  /** The signature, percent-decoded; for PLAINTEXT `&` and the token secret (RFC 5849 §3.4.4). */
  readonly signature: string;
  readonly nonce: string;
  /** Whole seconds since 1970; `NaN` where it is no integer. */
  readonly timestamp: number;
}

/**
 * Reads an OAuth header as MAAS does: the scheme is exactly `OAuth `, quotes are optional, values are percent-encoded, and a
 * part that holds the letters `realm` anywhere is dropped.
 *
 * @returns `undefined` where MAAS would see no usable header
 */
export function parseOauthHeader(value: string): OauthHeader | undefined {
  if (!value.startsWith('OAuth ')) return undefined;
  const parameters = new Map<string, string>();
  for (const part of value.slice(6).split(',')) {
    if (part.includes('realm')) continue;
    const equals = part.indexOf('=');
    if (equals === -1) return undefined;
    const text = decode(
      part
        .slice(equals + 1)
        .trim()
        .replaceAll(/^"+|"+$/g, ''),
    );
    if (text === undefined) return undefined;
    parameters.set(part.slice(0, equals).trim(), text);
  }
  const [consumer, token, method, signature, nonce, timestamp] = [
    'oauth_consumer_key',
    'oauth_token',
    'oauth_signature_method',
    'oauth_signature',
    'oauth_nonce',
    'oauth_timestamp',
  ].map((name) => parameters.get(name));
  if (!consumer || !token || !method || signature === undefined || !nonce || timestamp === undefined) return undefined;
  return {
    consumer,
    token,
    method,
    signature,
    nonce,
    timestamp: /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN,
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

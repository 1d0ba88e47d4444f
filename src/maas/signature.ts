import { randomUUID } from 'node:crypto';
import type { ApiKey } from './api-key.ts';

/** Makes the value of an `Authorization` header; each call uses a new nonce. */
export type Signer = (timestamp: number) => string;

/**
 * Creates a signer for OAuth 1.0 PLAINTEXT as MAAS requires it (RFC 5849 §3.4.4): the consumer secret is always empty,
 * so the signature is `&` + token secret, percent-encoded in the header as `%26…`.
 *
 * The nonce is hexadecimal because MAAS drops every part of the header that contains the letters `realm`, even inside a
 * value. MAAS remembers nonces, so every attempt, including retries, needs a new signature.
 *
 * @param key the API key to sign with
 * @returns a function of the timestamp in whole seconds since 1970
 */
export function createSigner(key: ApiKey): Signer {
  const start =
    `OAuth oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="${key.consumer}", ` +
    `oauth_token="${key.token}", oauth_signature="%26${key.revealSecret()}", oauth_nonce="`;
  return (timestamp) => `${start}${randomUUID().replaceAll('-', '')}", oauth_timestamp="${timestamp}"`;
}

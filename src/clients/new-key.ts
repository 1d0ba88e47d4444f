import { randomInt } from 'node:crypto';
import { hashSecret, type Client } from './client.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Creates a key that looks like MAAS's own: 18, 18 and 32 letters and digits.
 *
 * @returns the client's entry, and the key's text, which is not stored
 */
export function makeKey(about: Omit<Client, 'consumer' | 'token' | 'secretSha256'>): {
  client: Client;
  key: string;
} {
  const [consumer, token, secret] = [word(18), word(18), word(32)];
  return {
    client: { ...about, consumer, token, secretSha256: hashSecret(secret) },
    key: `${consumer}:${token}:${secret}`,
  };
}

/** Letters and digits from a secure source. MAAS drops everything that contains `realm`, so keys must not. */
function word(length: number): string {
  const text = Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
  return text.includes('realm') ? word(length) : text;
}

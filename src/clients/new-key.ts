import { randomInt } from 'node:crypto';
import { hashSecret, type Client } from './client.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Makes a key that looks like MAAS's own: 18, 18 and 32 letters and digits.
 *
 * @returns the client to keep, and the key's text, which is kept nowhere
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

/** Letters and digits from a secure source. MAAS drops what holds `realm`, so none does. */
function word(length: number): string {
  const text = Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
  return text.includes('realm') ? word(length) : text;
}

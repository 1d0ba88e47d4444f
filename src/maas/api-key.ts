import { inspect } from 'node:util';

const parts = ['consumer key (the first part)', 'token (the second part)', 'secret (the third part)'] as const;

/** Says what is wrong with the text of an API key, in a sentence that never repeats the text itself. */
export class ApiKeyError extends Error {
  override name = 'ApiKeyError';
}

/**
 * A MAAS API key. Its secret leaves this object only through `revealSecret()`: string templates, JSON, `util.inspect`
 * and logs show the key as its fingerprint, such as `Gd3k…`.
 */
export class ApiKey {
  readonly #consumer: string;
  readonly #token: string;
  readonly #secret: string;

  private constructor(consumer: string, token: string, secret: string) {
    this.#consumer = consumer;
    this.#token = token;
    this.#secret = secret;
  }

  /**
   * Parses `consumer:token:secret`; white space around it is removed.
   *
   * MAAS makes keys of 18, 18 and 32 letters and digits, but OAuth does not require that, so other lengths are accepted
   * (see `hasUsualShape`).
   *
   * @throws {ApiKeyError} which part is wrong, and how
   */
  static parse(text: string): ApiKey {
    const key = text.trim();
    if (key === '') throw new ApiKeyError('is empty; it should be consumer:token:secret');
    if (/^(["']).*\1$/s.test(key)) throw new ApiKeyError('stands in quotation marks; remove them');
    const found = key.split(':');
    if (found.length !== 3) {
      throw new ApiKeyError(
        `has ${found.length} ${found.length === 1 ? 'part' : 'parts'} instead of three separated by colons (consumer:token:secret)`,
      );
    }
    for (const [index, part] of found.entries()) {
      if (part === '') throw new ApiKeyError(`has an empty ${parts[index]}`);
      if (!/^[A-Za-z0-9._~-]+$/.test(part)) {
        throw new ApiKeyError(`has a character other than letters and digits in its ${parts[index]}`);
      }
    }
    const [consumer, token, secret] = found as [string, string, string];
    return new ApiKey(consumer, token, secret);
  }

  /** The OAuth consumer key (RFC 5849 §3.1): an identifier, not a secret. */
  get consumer(): string {
    return this.#consumer;
  }

  /** The OAuth token: an identifier, not a secret. */
  get token(): string {
    return this.#token;
  }

  /** The first letters of the consumer key: enough to tell two keys apart, useless for signing. */
  get fingerprint(): string {
    return `${this.#consumer.slice(0, Math.min(4, this.#consumer.length >> 1))}…`;
  }

  /** How long the parts are, such as `18, 18 and 32 characters`. */
  get shape(): string {
    return `${this.#consumer.length}, ${this.#token.length} and ${this.#secret.length} characters`;
  }

  /** Whether the parts are as long as MAAS makes them: 18, 18 and 32 characters. */
  get hasUsualShape(): boolean {
    return this.shape === '18, 18 and 32 characters';
  }

  /** The secret in clear text, only for the signature. */
  revealSecret(): string {
    return this.#secret;
  }

  toString(): string {
    return this.fingerprint;
  }

  toJSON(): string {
    return this.fingerprint;
  }

  [inspect.custom](): string {
    return `ApiKey ${this.fingerprint}`;
  }
}

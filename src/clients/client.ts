import { createHash, timingSafeEqual } from 'node:crypto';
import { parsePolicy, presetPolicy, type Policy } from '../policy/policy.ts';
import { presets, type PresetName } from '../policy/presets.ts';
import { RuleError } from '../policy/rule.ts';

/** One key that the gateway has given out. A client may have two while it changes from one to the other. */
export interface Client {
  readonly name: string;
  readonly consumer: string;
  readonly token: string;
  /** SHA-256 of the secret, hexadecimal; the secret itself is kept nowhere. */
  readonly secretSha256: string;
  /** A preset's name, or rules. */
  readonly policy: string | readonly string[];
  /** When the key stops working, ISO 8601; never where it is missing. */
  readonly expires?: string;
  /** A file with the MAAS key to sign this client's requests with, in place of the shared one. */
  readonly maasKeyFile?: string;
}

/** Says what is wrong with a clients file. */
export class ClientsError extends Error {
  override name = 'ClientsError';
}

/**
 * Reads a clients file: `{"clients": [{"name": …}]}`.
 *
 * @throws {ClientsError} which client is wrong, and how; no secret's hash is repeated
 */
export function parseClients(text: string): Client[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new ClientsError('is not valid JSON');
  }
  const list = Array.isArray(data) ? (data as unknown[]) : (data as { clients?: unknown } | null)?.clients;
  if (!Array.isArray(list)) throw new ClientsError('must be an object with a list of "clients"');
  const clients = list.map((entry: unknown, index) => parseClient(entry, index));
  const consumers = new Set(clients.map(({ consumer }) => consumer));
  if (consumers.size !== clients.length) throw new ClientsError('has the same consumer key twice');
  return clients;
}

/** The policy that a client's entry stands for. */
export function clientPolicy({ name, policy }: Pick<Client, 'name' | 'policy'>): Policy {
  if (typeof policy !== 'string') return parsePolicy(`of client ${name}`, policy.join('\n'));
  if (Object.hasOwn(presets, policy)) return presetPolicy(policy as PresetName);
  throw new RuleError(`"${policy}" is none of ${Object.keys(presets).join(', ')}`);
}

/** Whether a key has come to its end. @param now ms since 1970 */
export function hasExpired({ expires }: Client, now: number): boolean {
  return expires !== undefined && Date.parse(expires) <= now;
}

/** The hash that the file keeps of a secret. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Whether a secret is a client's, compared in constant time. */
export function hasSecret({ secretSha256 }: Client, secret: string): boolean {
  return timingSafeEqual(Buffer.from(secretSha256, 'hex'), createHash('sha256').update(secret).digest());
}

function parseClient(entry: unknown, index: number): Client {
  const fail = (what: string): never => {
    throw new ClientsError(`has a mistake in client ${index + 1}: ${what}`);
  };
  if (typeof entry !== 'object' || entry === null) return fail('it is no object');
  const { name, consumer, token, secretSha256, policy, expires, maasKeyFile } = entry as Record<string, unknown>;
  const text = (value: unknown, what: string, form: RegExp): string =>
    typeof value === 'string' && form.test(value) ? value : fail(`its "${what}" is missing or malformed`);
  const client: Client = {
    name: text(name, 'name', namePattern),
    consumer: text(consumer, 'consumer', /^[A-Za-z0-9]+$/),
    token: text(token, 'token', /^[A-Za-z0-9]+$/),
    secretSha256: text(secretSha256, 'secretSha256', /^[0-9a-f]{64}$/i),
    policy: Array.isArray(policy)
      ? policy.map((rule: unknown) => text(rule, 'policy', /\S/))
      : policy === undefined
        ? 'standard'
        : text(policy, 'policy', /\S/),
    ...(expires !== undefined && expires !== null && { expires: text(expires, 'expires', /^\d{4}-\d{2}-\d{2}/) }),
    ...(maasKeyFile !== undefined && maasKeyFile !== null && { maasKeyFile: text(maasKeyFile, 'maasKeyFile', /\S/) }),
  };
  if (client.expires !== undefined && Number.isNaN(Date.parse(client.expires))) fail('its "expires" is no date');
  try {
    clientPolicy(client);
  } catch (error) {
    if (error instanceof RuleError) fail(`its policy: ${error.message}`);
    throw error;
  }
  return client;
}

/** What a client may be called: it stands in logs, metrics and MAAS's audit log. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

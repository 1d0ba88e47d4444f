import { createHash, timingSafeEqual } from 'node:crypto';
import { dirname, isAbsolute } from 'node:path';
import { parsePolicy, presetPolicy, type Policy } from '../policy/policy.ts';
import { presets, type PresetName } from '../policy/presets.ts';
import { RuleError } from '../policy/rule.ts';
import { parseDate } from './duration.ts';

/** One key that the gateway has given out. A client may have two while it changes from one to the other. */
export interface Client {
  readonly name: string;
  readonly consumer: string;
  readonly token: string;
  /** SHA-256 of the secret, hexadecimal; the secret itself is kept nowhere. */
  readonly secretSha256: string;
  /**
   * A preset's name, the path of a file of rules (`./robot.rules`, beginning where the clients file lies), or rules; where it is
   * missing, the gateway's own policy is in force.
   */
  readonly policy?: string | readonly string[];
  /** When the key stops working, ISO 8601; never where it is missing. */
  readonly expires?: string;
  /** A file with the MAAS key to sign this client's requests with, in place of the shared one. */
  readonly maasKeyFile?: string;
  /** What this client may ask for, where it is not what all clients may. */
  readonly limits?: ClientLimits;
}

/** A client's share of the gateway. */
export interface ClientLimits {
  /** Requests a minute. */
  readonly perMinute?: number;
  /** Requests at once. */
  readonly atOnce?: number;
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

/**
 * The policy that a client's entry holds or names; `undefined` where it has none, or one in a file.
 *
 * @throws {RuleError} what is wrong with it
 */
export function clientPolicy(client: Pick<Client, 'name' | 'policy'>): Policy | undefined {
  const { name, policy } = client;
  if (policy === undefined || policyFile(client) !== undefined) return undefined;
  if (typeof policy !== 'string') return parseRules(name, policy);
  if (Object.hasOwn(presets, policy)) return presetPolicy(policy as PresetName);
  throw new RuleError(`"${policy}" is none of ${Object.keys(presets).join(', ')}, and no path of a file (./my.rules)`);
}

/** The file of rules that a client's entry names, as it is written there; `undefined` where it names none. */
export function policyFile({ policy }: Pick<Client, 'policy'>): string | undefined {
  return typeof policy === 'string' && /[./\\]/.test(policy) ? policy : undefined;
}

/**
 * Where a file lies that the clients file names. It is not made shorter: `..` behind a directory's link means what the system
 * takes it for.
 */
export function besideClientsFile(clientsFile: string, named: string): string {
  return isAbsolute(named) ? named : `${dirname(clientsFile)}/${named.replace(/^\.\//, '')}`;
}

/** Each rule has a place in a list, and no line. */
function parseRules(name: string, rules: readonly string[]): Policy {
  try {
    return parsePolicy(`${name}'s rules`, rules.map((rule) => rule.replaceAll(/[\r\n]/g, ' ')).join('\n'));
  } catch (error) {
    if (error instanceof RuleError) throw new RuleError(error.message.replace(/^line /, 'rule '));
    throw error;
  }
}

/** When a key stops working, ms since 1970; `Infinity` where it never does. */
export function endOf({ expires }: Pick<Client, 'expires'>): number {
  return expires === undefined ? Number.POSITIVE_INFINITY : (parseDate(expires) ?? 0);
}

/** Whether a key has come to its end. @param now ms since 1970 */
export function hasExpired(client: Pick<Client, 'expires'>, now: number): boolean {
  return endOf(client) <= now;
}

/** The hash that the file keeps of a secret. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Whether a secret is a client's, compared in constant time. */
export function hasSecret({ secretSha256 }: Client, secret: string): boolean {
  return timingSafeEqual(Buffer.from(secretSha256, 'hex'), createHash('sha256').update(secret).digest());
}

/** All that an entry may hold: a mistyped "expires" must not make a key that never ends. */
const members: ReadonlySet<string> = new Set([
  'name',
  'consumer',
  'token',
  'secretSha256',
  'policy',
  'expires',
  'maasKeyFile',
  'limits',
]);

function parseClient(entry: unknown, index: number): Client {
  const fail = (what: string): never => {
    throw new ClientsError(`has a mistake in client ${index + 1}: ${what}`);
  };
  if (typeof entry !== 'object' || entry === null) return fail('it is no object');
  const given = new Map(Object.entries(entry).filter(([, value]) => value !== null && value !== undefined));
  const strange = [...given.keys()].find((member) => !members.has(member));
  if (strange !== undefined) return fail(`it has no member ${JSON.stringify(strange.slice(0, 40))}`);
  const text = (member: string, form: RegExp): string => {
    const value = given.get(member);
    return typeof value === 'string' && form.test(value) ? value : fail(`its "${member}" is missing or malformed`);
  };
  const client: Client = {
    name: text('name', namePattern),
    consumer: text('consumer', /^[A-Za-z0-9]+$/),
    token: text('token', /^[A-Za-z0-9]+$/),
    secretSha256: text('secretSha256', /^[0-9a-f]{64}$/i),
    ...(given.has('policy') && { policy: readRules(given.get('policy')) ?? text('policy', /\S/) }),
    ...(given.has('expires') && { expires: text('expires', /^/) }),
    ...(given.has('maasKeyFile') && { maasKeyFile: text('maasKeyFile', /\S/) }),
    ...(given.has('limits') && { limits: readLimits(given.get('limits')) ?? fail(limitsSentence) }),
  };
  if (client.expires !== undefined && parseDate(client.expires) === undefined) {
    fail('its "expires" is no date such as 2027-01-31 or 2027-01-31T18:00:00Z');
  }
  try {
    clientPolicy(client);
  } catch (error) {
    if (error instanceof RuleError) fail(`its policy: ${error.message}`);
    throw error;
  }
  return client;
}

function readRules(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((rule) => typeof rule === 'string') ? value : undefined;
}

const limitsSentence = 'its "limits" are no object with whole numbers above 0 as "perMinute" and "atOnce"';

function readLimits(value: unknown): ClientLimits | undefined {
  return typeof value === 'object' && value !== null && Object.entries(value).every(isLimit) ? value : undefined;
}

function isLimit([member, limit]: readonly [string, unknown]): boolean {
  return (member === 'perMinute' || member === 'atOnce') && Number.isSafeInteger(limit) && (limit as number) > 0;
}

/** What whoever has no key is called in logs, metrics and MAAS's audit log, so that no new key may have it for a name. */
export const anonymousName = 'anonymous';

/** What a client may be called: it stands in logs, metrics and MAAS's audit log. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

import { createHash, timingSafeEqual } from 'node:crypto';
import { dirname, isAbsolute } from 'node:path';
import { parsePolicy, presetPolicy, type Policy } from '../policy/policy.ts';
import { presets, type PresetName } from '../policy/presets.ts';
import { RuleError } from '../policy/rule.ts';
import { parseDate } from './duration.ts';

/** One key of a client. A client has two keys during a rotation. */
export interface Client {
  readonly name: string;
  readonly consumer: string;
  readonly token: string;
  /** SHA-256 of the secret, hexadecimal; the secret itself is not stored. */
  readonly secretSha256: string;
  /**
   * A preset's name, the path of a file of rules (`./robot.rules`, relative to the clients file), or rules. If it is
   * missing, the gateway's own policy applies.
   */
  readonly policy?: string | readonly string[];
  /** When the key expires, ISO 8601; if it is missing, never. */
  readonly expires?: string;
  /** A file with the MAAS key that signs this client's requests, in place of the shared one. */
  readonly maasKeyFile?: string;
  /** This client's own limits, in place of those of the gateway. */
  readonly limits?: ClientLimits;
}

/** A client's limits. */
export interface ClientLimits {
  /** Requests per minute. */
  readonly perMinute?: number;
  /** Concurrent requests. */
  readonly atOnce?: number;
}

/** Says what is wrong with a clients file. */
export class ClientsError extends Error {
  override name = 'ClientsError';
}

/**
 * The policy in a client's entry, or the preset that it names; `undefined` if it has none, or one in a file.
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

/** The file of rules that a client's entry names, as it is written there; `undefined` if it names none. */
export function policyFile({ policy }: Pick<Client, 'policy'>): string | undefined {
  return typeof policy === 'string' && /[./\\]/.test(policy) ? policy : undefined;
}

/**
 * The path of a file that the clients file names. It is not normalised: the system resolves `..` after a symbolic link
 * to a directory differently.
 */
export function besideClientsFile(clientsFile: string, named: string): string {
  return isAbsolute(named) ? named : `${dirname(clientsFile)}/${named.replace(/^\.\//, '')}`;
}

/** A rule in a list is numbered by its index, not by its line. */
function parseRules(name: string, rules: readonly string[]): Policy {
  try {
    return parsePolicy(`${name}'s rules`, rules.map((rule) => rule.replaceAll(/[\r\n]/g, ' ')).join('\n'));
  } catch (error) {
    if (error instanceof RuleError) throw new RuleError(error.message.replace(/^line /, 'rule '));
    throw error;
  }
}

/** When a key expires, ms since 1970; `Infinity` if never. */
export function endOf({ expires }: Pick<Client, 'expires'>): number {
  return expires === undefined ? Number.POSITIVE_INFINITY : (parseDate(expires) ?? 0);
}

/** Whether a key has expired. @param now ms since 1970 */
export function hasExpired(client: Pick<Client, 'expires'>, now: number): boolean {
  return endOf(client) <= now;
}

/** The hash of a secret, as the file stores it. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Whether a secret is the client's, compared in constant time. */
export function hasSecret({ secretSha256 }: Client, secret: string): boolean {
  return timingSafeEqual(Buffer.from(secretSha256, 'hex'), createHash('sha256').update(secret).digest());
}

/** The name of clients without a key in logs, metrics and MAAS's audit log; no client may have this name. */
export const anonymousName = 'anonymous';

/** The allowed names of clients: they appear in logs, metrics and MAAS's audit log. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

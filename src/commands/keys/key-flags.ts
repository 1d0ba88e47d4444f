// Reads the flags of `keys add`, `keys set` and `keys rotate` into members of the clients file.
import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Client, ClientLimits } from '../../clients/client.ts';
import { ambiguousSpan, addSpan, parseEnd, spanForms } from '../../clients/duration.ts';
import { realPath } from '../../clients/file/real-path.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { readSettingFile } from '../../config/files.ts';
import type { Found, Layers } from '../../config/layers/layers.ts';
import { isPath, isPolicyFile, readPolicy } from '../../config/policy-file.ts';
import { apiKey, SettingError, wholeNumber } from '../../config/values.ts';

/**
 * Changes to a client's entry. A member that is `undefined` is removed from it; a missing member leaves the entry as it
 * is.
 */
export type Changes = { readonly [Member in 'policy' | 'expires' | 'maasKeyFile']?: Client[Member] | undefined } & {
  /** `undefined` for no limit. */
  readonly limits?: { readonly [Limit in keyof ClientLimits]?: ClientLimits[Limit] | undefined };
};

/**
 * Reads the flags for a client's policy, limits, MAAS key and expiry.
 *
 * @param policy the setting that names the policy, if any
 * @throws {ConfigurationError} all mistakes together
 */
export function readChanges(layers: Layers, clientsFile: string, policy: Found | undefined): Changes {
  const mistakes: string[] = [];
  const read = <Value>(flag: string, parse: (text: string) => Value): Value | undefined => {
    const text = layers.extra.get(flag);
    return typeof text === 'string' ? attempt(`--${flag}`, () => parse(text), mistakes) : undefined;
  };
  const flags = {
    policy: policy && attempt(policy.source, () => policyToKeep(policy.text, clientsFile), mistakes),
    expires: read('expires', readEnd),
    maasKeyFile: read('maas-key-file', (text) => (text === 'none' ? 'none' : keyFileToKeep(text, clientsFile))),
    perMinute: read('per-minute', readCount),
    atOnce: read('at-once', readCount),
  };
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  const { perMinute, atOnce } = flags;
  const limits = {
    ...(perMinute !== undefined && { perMinute: unlessNone(perMinute) }),
    ...(atOnce !== undefined && { atOnce: unlessNone(atOnce) }),
  };
  return {
    ...(flags.policy !== undefined && { policy: flags.policy }),
    ...(flags.expires !== undefined && { expires: flags.expires === 'never' ? undefined : flags.expires }),
    ...(flags.maasKeyFile !== undefined && { maasKeyFile: unlessNone(flags.maasKeyFile) }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

/** An entry with its changes. */
export function applyChanges(client: Client, changes: Changes): Client {
  const limits = { ...client.limits, ...changes.limits };
  const left = Object.entries(limits).filter(([, limit]) => limit !== undefined);
  const members = { ...client, ...changes, limits: left.length === 0 ? undefined : Object.fromEntries(left) };
  // JSON.stringify would drop them too; dropping them here keeps the type honest.
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as unknown as Client;
}

/**
 * Reads the time span of a flag such as `--overlap`.
 *
 * @param from ms since 1970
 * @returns the moment at its end, ms since 1970
 * @throws {ConfigurationError} the syntax of time spans
 */
export function readSpan(flag: string, text: string, from: number): number {
  const moment = addSpan(text, from);
  if (moment !== undefined) return moment;
  throw new ConfigurationError([
    `--${flag} ${ambiguous(text) ?? `must be a time span such as ${spanForms}, or 0, not "${text}"`}.`,
  ]);
}

function attempt<Value>(source: string, read: () => Value, mistakes: string[]): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push(`${source} ${error.message}.`);
    return undefined;
  }
}

function unlessNone<Value>(value: Value | 'none'): Value | undefined {
  return value === 'none' ? undefined : value;
}

/** @returns ISO 8601, or `never` */
function readEnd(text: string): string {
  const now = Date.now();
  const end = parseEnd(text, now);
  if (end === undefined) {
    throw new SettingError(
      ambiguous(text) ??
        `must be a time span (${spanForms}), a date (2027-01-31, which means the end of that day in UTC, or 2027-01-31T18:00:00Z), or never, not "${text}"`,
    );
  }
  if (end !== 'never' && Date.parse(end) <= now) throw new SettingError(`must lie in the future, and ${end} does not`);
  return end;
}

function ambiguous(text: string): string | undefined {
  const sentence = ambiguousSpan(text);
  return sentence === undefined ? undefined : `${sentence} (valid forms are ${spanForms})`;
}

function readCount(text: string): number | 'none' {
  return text === 'none' ? text : wholeNumber(1, 1_000_000)(text);
}

/** A preset by its name, a file of rules by its path, so that later changes to the file apply. */
function policyToKeep(text: string, clientsFile: string): string {
  readPolicy(text);
  return isPolicyFile(text) ? asReference(text, clientsFile) : text;
}

function keyFileToKeep(text: string, clientsFile: string): string {
  const content = readSettingFile(text);
  try {
    apiKey(content);
  } catch (error) {
    if (error instanceof SettingError) throw new SettingError(`names the file ${text}: the key in it ${error.message}`);
    throw error;
  }
  return asReference(text, clientsFile);
}

/**
 * The path of a file for the clients file: relative to the clients file's directory, so that both can be moved
 * together. It is absolute if the operator used an absolute path, or if the clients file is a symbolic link to another
 * directory: a relative path would then be ambiguous.
 */
function asReference(text: string, clientsFile: string): string {
  if (isAbsolute(text)) return text;
  const directory = realpathOr(dirname(resolve(clientsFile)));
  const path = join(realpathOr(dirname(resolve(text))), basename(text));
  if (dirname(realPathOr(clientsFile)) !== directory) return path;
  const reference = relative(directory, path);
  // A bare word would be a preset's name.
  return isPath(reference) ? reference : `./${reference}`;
}

function realpathOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function realPathOr(file: string): string {
  try {
    return realPath(file);
  } catch {
    return resolve(file);
  }
}

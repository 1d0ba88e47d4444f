import { ApiKey, ApiKeyError } from '../maas/api-key.ts';
import { MaasAddressError, parseRegions, type Regions } from '../maas/maas-address.ts';

/** Says what is wrong with a setting's text; the caller puts the setting's name in front. */
export class SettingError extends Error {
  override name = 'SettingError';
}

/** Reads text as it is. */
export function text(value: string): string {
  return value;
}

/** Reads on or off as people write it. */
export function onOrOff(value: string): boolean {
  if (/^(?:1|true|on|yes)$/i.test(value)) return true;
  if (/^(?:0|false|off|no)$/i.test(value)) return false;
  throw new SettingError(`must be "true" or "false", not ${quote(value)}`);
}

/** Reads a TCP port; 0 means any free one. */
export function port(value: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= 65_535)) throw new SettingError(`must be a port number from 0 to 65535, not ${quote(value)}`);
  return number;
}

/** Reads a TCP port, or `off`. */
export function portOrOff(value: string): number | 'off' {
  if (value.toLowerCase() === 'off') return 'off';
  try {
    return port(value);
  } catch {
    throw new SettingError(`must be a port number from 0 to 65535, or "off", not ${quote(value)}`);
  }
}

/** Reads a host name or an IP address to listen on. */
export function host(value: string): string {
  const bare = /^\[.*\]$/.test(value) ? value.slice(1, -1) : value;
  if (!/^[A-Za-z0-9._:%-]+$/.test(bare)) {
    throw new SettingError(`must be a host name or an IP address, for example 127.0.0.1, not ${quote(value)}`);
  }
  if (/^[^:]+:\d+$/.test(bare)) throw new SettingError(`must not contain a port; set the port separately`);
  return bare;
}

/** Reads words separated by commas. */
export function list(value: string): readonly string[] {
  return value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** Reads host names separated by commas, or `*`. */
export function hostNames(value: string): readonly string[] {
  const names = list(value);
  const wrong = names.find((name) => name !== '*' && !/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(name));
  if (wrong !== undefined) {
    throw new SettingError(`must be host names without ports, separated by commas, or "*", not ${quote(wrong)}`);
  }
  return names;
}

/** The longest time span, s: 23 days. Node's timers fire immediately beyond 2^31 ms. */
const longest = 2_000_000;

/** Reads a time span in seconds, to the millisecond. */
export function seconds(value: string): number {
  const number = readSeconds(value);
  if (number > 0) return number;
  throw new SettingError(
    `must be a number of seconds above 0, up to ${longest}, in plain digits such as 30 or 0.5, not ${quote(value)}`,
  );
}

/** Reads a time span in seconds, or 0. */
export function secondsOrNone(value: string): number {
  const number = readSeconds(value);
  if (number >= 0) return number;
  throw new SettingError(
    `must be a number of seconds from 0 to ${longest}, in plain digits such as 30 or 0.5, not ${quote(value)}`,
  );
}

function readSeconds(value: string): number {
  const number = /^\d{1,7}(?:\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
  return number <= longest ? number : Number.NaN;
}

/**
 * Reads a whole number between two others.
 *
 * @param unit for messages, if the name of the setting does not say it
 */
export function wholeNumber(least: number, most: number, unit?: string): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    const what = unit === undefined ? 'a whole number' : `a whole number of ${unit}`;
    throw new SettingError(`must be ${what} from ${least} to ${most} in plain digits, not ${quote(value)}`);
  };
}

const units = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;

/** Reads a number of bytes with a minimum: `268435456`, `256M`, `256MiB`, `1G`. */
export function memorySize(least: number): (value: string) => number {
  return (value) => {
    const [, digits, unit = ''] = /^(\d{1,15})\s?([KMG]?)(?:i?B)?$/i.exec(value) ?? [];
    const bytes = Number(digits ?? Number.NaN) * units[unit.toUpperCase() as keyof typeof units];
    if (bytes >= least && Number.isSafeInteger(bytes)) return bytes;
    throw new SettingError(
      `must be a number of bytes of at least ${least / units.M}M, such as 256M or 1G, not ${quote(value)}`,
    );
  };
}

/** The address of a Redis, which may contain a password. It is not a string, so that it cannot get into a log. */
export interface RedisUrl {
  readonly hasPassword: boolean;
  /** The address in clear text, only for the connection. */
  reveal(): string;
}

/** Reads the address of a Redis; it is never repeated. */
export function redisUrl(value: string): RedisUrl {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '') {
    throw new SettingError(
      'must be an address such as redis://redis.example:6379, or rediss://… for TLS, with :PASSWORD@ before the host if there is one',
    );
  }
  return { hasPassword: url.password !== '', reveal: () => value };
}

/** Reads one of a few words. */
export function oneOf<const Words extends readonly string[]>(...words: Words): (value: string) => Words[number] {
  return (value) => {
    const found = words.find((word) => word === value.toLowerCase());
    if (found === undefined) throw new SettingError(`must be one of ${words.join(', ')}, not ${quote(value)}`);
    return found;
  };
}

/** Reads MAAS's address, or those of its region controllers. */
export function regions(value: string): Regions {
  try {
    return parseRegions(value);
  } catch (error) {
    if (error instanceof MaasAddressError) throw new SettingError(error.message);
    throw error;
  }
}

/** Reads an API key; the text is never repeated. */
export function apiKey(value: string): ApiKey {
  try {
    return ApiKey.parse(value);
  } catch (error) {
    if (error instanceof ApiKeyError) throw new SettingError(error.message);
    throw error;
  }
}

function quote(value: string): string {
  return `"${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
}

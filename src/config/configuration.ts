import { isIP } from 'node:net';
import type { ApiKey } from '../maas/api-key.ts';
import type { Regions } from '../maas/maas-address.ts';
import { readAdminTokenFile } from './admin-token.ts';
import { readCertificates } from './tls/certificates-file.ts';
import { ConfigurationError } from './configuration-error.ts';
import { namedFile, othersMayRead, type NamedFile } from './files.ts';
import { readKeyFile } from './key-file.ts';
import { isLoopback } from './loopback.ts';
import type { Found, Layers } from './layers/layers.ts';
import { chooseMemory } from './memory.ts';
import type { MemoryBounds } from './memory-budget.ts';
import { isPolicyFile } from './policy-file.ts';
import { readProfile, type Profile } from './profile.ts';
import { readFound } from './read-setting.ts';
import { chooseRedisUrl } from './redis-url.ts';
import type { Remark } from './remark.ts';
import { settings, type Setting, type SettingName, type SettingValues } from './settings.ts';
import { chooseTls, type Tls } from './tls/tls.ts';
import type { CertificateFiles } from './tls/tls-files.ts';
import type { Wording } from './layers/wording.ts';
import { apiKey, regions as readRegions, SettingError, type RedisUrl } from './values.ts';

/** The configuration of a proxy: parsed once, then only read. */
export interface Configuration extends SettingValues {
  /** The region controllers of the MAAS. */
  readonly regions: Regions;
  readonly key: ApiKey;
  /** The source of the key, for messages: `MAAS_API_KEY in .env`. */
  readonly keySource: string;
  /** PEM text of further certificate authorities. */
  readonly ca: string | undefined;
  /** The Redis that all replicas share. */
  readonly redis: RedisUrl | undefined;
  /** The files that parts of the configuration were read from; they may change while the program runs. */
  readonly files: ConfigurationFiles;
  /** TLS options of the https listener; `undefined` for plain http. */
  readonly tls: Tls | undefined;
  /** How sentences name the settings. */
  readonly wording: Wording;
  /** The memory bounds for what clients and MAAS send. */
  readonly memory: MemoryBounds;
  /** Warnings for the operator. */
  readonly warnings: readonly string[];
}

/** The files of a configuration, if it has any. */
export interface ConfigurationFiles {
  readonly key: NamedFile | undefined;
  readonly ca: NamedFile | undefined;
  readonly policy: NamedFile | undefined;
  readonly tls: CertificateFiles | undefined;
  readonly clientCa: NamedFile | undefined;
  readonly adminToken: NamedFile | undefined;
}

/** The valid parts of a configuration, and what is wrong with the others: `check` continues with the valid parts. */
export interface Draft {
  readonly values: SettingValues;
  readonly regions: Regions | undefined;
  readonly key: GivenKey | undefined;
  readonly ca: string | undefined;
  readonly redis: RedisUrl | undefined;
  readonly files: ConfigurationFiles;
  readonly tls: Tls | undefined;
  readonly memory: MemoryBounds;
  readonly warnings: readonly Remark[];
  readonly mistakes: Remark[];
}

/** The API key, and where it came from. */
export interface GivenKey {
  readonly key: ApiKey;
  readonly keySource: string;
  /** The file that holds it, if a setting names one. */
  readonly keyFile?: NamedFile;
}

/**
 * Turns the raw settings into a configuration.
 *
 * @param home the user's home directory, where the MAAS CLI stores its logins
 * @throws {ConfigurationError} all mistakes together
 */
export async function readConfiguration(layers: Layers, home: string): Promise<Configuration> {
  const { values, regions, key, ca, redis, files, tls, memory, warnings, mistakes } = await readDraft(layers, home);
  if (mistakes.length > 0 || regions === undefined || key === undefined) {
    throw new ConfigurationError(mistakes.map(({ text }) => text));
  }
  return {
    ...values,
    regions,
    key: key.key,
    keySource: key.keySource,
    ca,
    redis,
    files,
    tls,
    wording: layers.wording,
    memory,
    warnings: warnings.map(({ text }) => text),
  };
}

/**
 * The same, with mistakes as remarks.
 *
 * @param home the user's home directory, where the MAAS CLI stores its logins
 */
export async function readDraft(layers: Layers, home: string): Promise<Draft> {
  const mistakes: Remark[] = layers.mistakes.map((text) => ({ about: 'setting', text }));
  const warnings: Remark[] = [];
  const attempt: Attempt = (about, source, read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      mistakes.push({ about, text: `${source} ${error.message}.`.trimStart() });
      return undefined;
    }
  };
  const values = readValues(layers, attempt);

  const profile = await readChosenProfile(layers, home, mistakes);
  const overProfile = (found: Found | undefined): boolean =>
    found !== undefined && (profile === undefined || found.rank <= (layers.found.get('profile')?.rank ?? 3));

  const regions = overProfile(layers.found.get('maasUrl'))
    ? values.maasUrl
    : profile && attempt('address', profile.source, () => readRegions(profile.url));
  const key = chooseKey(layers, overProfile, profile, values, warnings, mistakes, attempt);
  const caFound = layers.found.get('caFile');
  const caFile = caFound !== undefined && overProfile(caFound) ? namedFile(caFound) : undefined;
  const ca = caFile === undefined ? profile?.ca : attempt('ca', caFile.source, () => readCertificates(caFile.file));
  const policy = layers.found.get('policy');
  const policyFile = policy !== undefined && isPolicyFile(policy.text) ? namedFile(policy) : undefined;

  if (regions === undefined && !layers.found.has('maasUrl') && profile === undefined && !layers.found.has('profile')) {
    mistakes.push({ about: 'address', text: layers.wording.noUrl });
  }
  const redis = attempt('redis', '', () => chooseRedisUrl(layers, values.redisUrl));
  const served = chooseTls(layers, attempt, warnings, mistakes);
  const files = {
    key: key?.keyFile,
    ca: caFile,
    policy: policyFile,
    tls: served?.files,
    clientCa: served?.clientCa,
    adminToken: chooseAdminToken(layers, attempt, warnings),
  };
  const exposed = findExposure(layers, values);
  if (exposed !== undefined) mistakes.push({ about: 'exposure', text: exposed });
  const memory = chooseMemory(layers, values, served !== undefined, warnings, mistakes);
  return { values, regions, key, ca, redis, files, tls: served?.tls, memory, warnings, mistakes };
}

/** The file of the token for the operator's page, if a setting names one that holds a token. */
function chooseAdminToken({ found }: Layers, attempt: Attempt, warnings: Remark[]): NamedFile | undefined {
  const setting = found.get('adminTokenFile');
  if (setting === undefined) return undefined;
  if (attempt('setting', setting.source, () => readAdminTokenFile(setting.text)) === undefined) return undefined;
  if (othersMayRead(setting.text)) {
    const text = `Every user of this machine may read the admin token in ${setting.text}; chmod 600 it.`;
    warnings.push({ about: 'setting', text });
  }
  return namedFile(setting);
}

/**
 * Beyond loopback, every client that can reach the port has the rights of the key's user; that must not happen by
 * accident.
 */
function findExposure(
  layers: Layers,
  { host, socket, clientsFile, allowUnauthenticated }: SettingValues,
): string | undefined {
  if (
    socket !== undefined ||
    clientsFile !== undefined ||
    allowUnauthenticated ||
    host === undefined ||
    isLoopback(host)
  )
    return undefined;
  const { source = layers.wording.name('host'), instead } = layers.found.get('host') ?? {};
  const whatHappens = `${source} is ${host}, so anybody who can reach the port could use the API key:`;
  // A HOST that a shell sets is a name; an operator who means all interfaces writes an address.
  if (instead !== undefined && isIP(host) === 0) {
    return `${whatHappens} set ${instead}=127.0.0.1 if ${source} is another program's; if it is meant, set CLIENTS_FILE or ALLOW_UNAUTHENTICATED=true.`;
  }
  return `${whatHappens} ${layers.wording.exposed}`;
}

type Attempt = <Value>(about: Remark['about'], source: string, read: () => Value) => Value | undefined;

/** The settings that have a step in `check`; other invalid settings stop every command. */
const subjects: { readonly [Name in SettingName]?: Remark['about'] } = {
  maasUrl: 'address',
  apiKey: 'key',
  policy: 'policy',
  redisUrl: 'redis',
};

function readValues(layers: Layers, attempt: Attempt): SettingValues {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const [name, setting] of Object.entries(settings) as [SettingName, Setting<unknown>][]) {
    const found = layers.found.get(name);
    values[name] =
      found === undefined
        ? setting.default
        : attempt(subjects[name] ?? 'setting', found.source, () => readFound(setting, found));
  }
  return values as SettingValues;
}

async function readChosenProfile(layers: Layers, home: string, mistakes: Remark[]): Promise<Profile | undefined> {
  const found = layers.found.get('profile');
  if (found === undefined) return undefined;
  try {
    return await readProfile(found.text, home);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push({ about: 'profile', text: `${found.source} ${error.message}.` });
    return undefined;
  }
}

function chooseKey(
  layers: Layers,
  overProfile: (found: Found | undefined) => boolean,
  profile: Profile | undefined,
  values: SettingValues,
  warnings: Remark[],
  mistakes: Remark[],
  attempt: Attempt,
): GivenKey | undefined {
  const inline = layers.found.get('apiKey');
  const file = layers.found.get('apiKeyFile');
  if (inline !== undefined && file !== undefined && inline.rank === file.rank) {
    mistakes.push({ about: 'key', text: `${inline.source} and ${file.source} are both set; keep one of them.` });
    return undefined;
  }
  if (file !== undefined && overProfile(file) && (inline === undefined || file.rank < inline.rank)) {
    const key = attempt('key', file.source, () => readKeyFile(file.text));
    if (key !== undefined && othersMayRead(file.text)) {
      warnings.push(readable(file.text));
    }
    return key && { key, keySource: `${file.source} ${file.text}`, keyFile: namedFile(file) };
  }
  if (inline !== undefined && overProfile(inline)) {
    if (inline.rank === 2 && othersMayRead('.env')) {
      warnings.push(readable('.env'));
    }
    return values.apiKey && { key: values.apiKey, keySource: inline.source };
  }
  if (profile !== undefined) {
    const key = attempt('key', profile.source, () => apiKey(profile.key));
    return key && { key, keySource: profile.source };
  }
  if (!layers.found.has('profile')) mistakes.push({ about: 'key', text: layers.wording.noKey });
  return undefined;
}

function readable(file: string): Remark {
  return { about: 'key', text: `Every user of this machine may read the API key in ${file}; chmod 600 it.` };
}

import { settings, type Setting, type SettingName } from '../settings.ts';

/** How sentences name settings: as flags and variables of the program, or as options of the library. */
export interface Wording {
  /** A setting's name: `--port`, or `port`. */
  readonly name: (setting: SettingName) => string;
  /** All names of a setting that is not set yet: `--port (PORT)`, or `port`. */
  readonly names: (setting: SettingName) => string;
  /** The same where a sentence tells to use it: `choose another port with …`. */
  readonly choice: (setting: SettingName) => string;
  /** What says where Redis is. */
  readonly redis: string;
  readonly noUrl: string;
  readonly noKey: string;
  /** What to do about listening beyond loopback. */
  readonly exposed: string;
}

export const commandLineWording: Wording = {
  name: (setting) => namesOf(setting).name,
  names: allNames,
  choice: allNames,
  redis: 'REDIS_URL or REDIS_URL_FILE',
  noUrl: "MAAS's address is not set: set MAAS_URL or --maas-url, for example http://maas.example:5240.",
  noKey:
    'No API key is set: set MAAS_API_KEY to consumer:token:secret, or pass a file that holds it with --api-key-file. ' +
    'MAAS shows it under your user name, "API keys".',
  exposed:
    'require keys with CLIENTS_FILE (--clients-file), or set ALLOW_UNAUTHENTICATED=true ' +
    '(--allow-unauthenticated) if only authorized clients can reach the port.',
};

export const libraryWording: Wording = {
  name: (setting) => setting,
  names: (setting) => setting,
  choice: (setting) => `the option ${setting}`,
  redis: 'redisUrl or redisUrlFile',
  noUrl: 'maasUrl is not set: set it to the address of MAAS, for example http://maas.example:5240.',
  noKey:
    'apiKey is not set: set it to consumer:token:secret, or apiKeyFile to a file that holds it. ' +
    'MAAS shows it under your user name, "API keys".',
  exposed:
    'require keys with clientsFile, or set allowUnauthenticated to true if only authorized clients can reach the port.',
};

function namesOf(setting: SettingName): { readonly name: string; readonly variable: string } {
  const { flag, env }: Setting<unknown> = settings[setting];
  const variable = env[0] ?? '';
  return { name: flag === undefined ? variable : `--${flag}`, variable };
}

function allNames(setting: SettingName): string {
  const { name, variable } = namesOf(setting);
  return name === variable ? name : `${name} (${variable})`;
}

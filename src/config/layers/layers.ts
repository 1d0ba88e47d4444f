import { readDotenvFile } from './dotenv-file.ts';
import { readFlags, type ExtraFlag } from './flags.ts';
import { findMisspelt } from './misspelt.ts';
import { isCommon, isForeign, longName } from './names.ts';
import { settings, type Setting, type SettingName } from '../settings.ts';
import { commandLineWording, type Wording } from './wording.ts';

/** A setting's text and its source. */
export interface Found {
  readonly text: string;
  /** For messages: `--port`, `PORT`, `MAAS_PROXY_PORT in .env`. */
  readonly source: string;
  /** -1 for an option of the library, 0 for a flag, 1 for the environment, 2 for `.env`: the lower one wins. */
  readonly rank: number;
  /** The name to use instead, if another program may have set this one. */
  readonly instead?: string;
}

/** The texts found for the settings, and the mistakes in them. */
export interface Layers {
  readonly found: ReadonlyMap<SettingName, Found>;
  readonly mistakes: readonly string[];
  /** How sentences name the settings. */
  readonly wording: Wording;
  /** Arguments that are not flags. */
  readonly positionals: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
  /** The command's own flags (`--json`), by name. */
  readonly extra: ReadonlyMap<string, string | true>;
}

/** Where settings come from. */
export interface Sources {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The path of the `.env` file; `undefined` if none is to be read. */
  readonly dotenvFile: string | undefined;
}

const names = Object.keys(settings) as SettingName[];

/**
 * Collects the text of each setting: flag, environment, `.env`, in this order of precedence; long names before short
 * ones.
 */
export function readLayers({ args, env, dotenvFile }: Sources, extraFlags: readonly ExtraFlag[] = []): Layers {
  const found = new Map<SettingName, Found>();
  const mistakes: string[] = [];
  const fileEnv = dotenvFile === undefined ? {} : readDotenvFile(dotenvFile, mistakes);
  for (const name of names) {
    const variable = readVariable(settings[name], fileEnv, env);
    if (variable !== undefined) found.set(name, variable);
  }
  const flags = readFlags(args, extraFlags, found, mistakes);
  mistakes.push(...findMisspelt({ ' in .env': fileEnv, '': onlyMaas(env) }, found));
  return { found, mistakes, wording: commandLineWording, ...flags };
}

/** A setting's text from the environment or `.env`; its long name wins over the short ones. */
function readVariable(
  setting: Setting<unknown>,
  fileEnv: Readonly<Record<string, string>>,
  env: Sources['env'],
): Found | undefined {
  const long = longName(setting);
  for (const candidates of [[long], setting.env]) {
    for (const [rank, layer, suffix] of [
      [1, env, ''],
      [2, fileEnv, ' in .env'],
    ] as const) {
      for (const variable of candidates) {
        const text = (layer[variable] ?? '').trim();
        // An empty variable counts as not set: compose files write `PORT=` for that.
        if (text === '' || isForeign(variable, setting, text)) continue;
        const instead = rank === 1 && isCommon(variable) ? { instead: long } : {};
        return { text, source: `${variable}${suffix}`, rank, ...instead };
      }
    }
  }
  return undefined;
}

/** The variables of the environment that look like settings; most belong to other programs. */
function onlyMaas(env: Sources['env']): Sources['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^maas_/i.test(name)));
}

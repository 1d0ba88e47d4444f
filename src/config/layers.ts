import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse as parseDotenv } from 'dotenv';
import { whyUnreadable } from './files.ts';
import { settings, type Setting, type SettingName } from './settings.ts';

/** A setting's text, and where it stood. */
export interface Found {
  readonly text: string;
  /** As a person would say it: `--port`, `PORT`, `PORT in .env`. */
  readonly source: string;
  /** 0 for a flag, 1 for the environment, 2 for `.env`: the lower one wins. */
  readonly rank: number;
}

/** What was found for each setting, and what was wrong with the way it was said. */
export interface Layers {
  readonly found: ReadonlyMap<SettingName, Found>;
  readonly mistakes: readonly string[];
  /** Arguments that are no flags. */
  readonly positionals: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
  /** Flags of a command of its own (`--json`), by name. */
  readonly extra: ReadonlyMap<string, string | true>;
}

/** A flag that only one command knows. */
export interface ExtraFlag {
  readonly flag: string;
  readonly argument?: string;
  readonly help: string;
}

/** Where settings come from. */
export interface Sources {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The path of the `.env` file. */
  readonly dotenvFile: string;
}

const names = Object.keys(settings) as SettingName[];

/** Collects the text of each setting: flag, environment, `.env`, in this order of precedence. */
export function readLayers({ args, env, dotenvFile }: Sources, extraFlags: readonly ExtraFlag[] = []): Layers {
  const found = new Map<SettingName, Found>();
  const mistakes: string[] = [];
  const fileEnv = readDotenv(dotenvFile, mistakes);
  for (const name of names) {
    const setting: Setting<unknown> = settings[name];
    for (const [rank, layer, suffix] of [
      [2, fileEnv, ' in .env'],
      [1, env, ''],
    ] as const) {
      // An empty variable is one that is not set: compose files write `PORT=` for that.
      const variable = setting.env.find((candidate) => (layer[candidate] ?? '').trim() !== '');
      if (variable !== undefined) {
        found.set(name, { text: (layer[variable] as string).trim(), source: `${variable}${suffix}`, rank });
      }
    }
  }
  const flags = readFlags(args, extraFlags, found, mistakes);
  return { found, mistakes, ...flags };
}

function readDotenv(file: string, mistakes: string[]): Record<string, string> {
  try {
    return parseDotenv(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      mistakes.push(`There is a .env here ${whyUnreadable(error)}.`);
    }
    return {};
  }
}

function readFlags(
  args: readonly string[],
  extraFlags: readonly ExtraFlag[],
  found: Map<SettingName, Found>,
  mistakes: string[],
): Pick<Layers, 'positionals' | 'help' | 'version' | 'extra'> {
  const byFlag = new Map<string, SettingName>();
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'V' },
  };
  for (const name of names) {
    const { flag, argument }: Setting<unknown> = settings[name];
    if (flag === undefined) continue;
    byFlag.set(flag, name);
    options[flag] = { type: argument === undefined ? 'boolean' : 'string' };
  }
  for (const { flag, argument } of extraFlags) options[flag] = { type: argument === undefined ? 'boolean' : 'string' };

  // Not strict: a strict parser stops at the first mistake, and says it in its own words.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const positionals: string[] = [];
  const extra = new Map<string, string | true>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = options[token.name];
    if (option === undefined) {
      mistakes.push(
        /^(?:maas-)?(?:api-?)?key$/.test(token.name)
          ? `There is no flag for the key itself, because a process list would show it: set MAAS_API_KEY, or name a file that holds it by --api-key-file.`
          : `${token.rawName} is not a flag of this command; --help lists them.`,
      );
    } else if (option.type === 'string' && (token.value === undefined || looksLikeFlag(token))) {
      mistakes.push(`${token.rawName} needs a value.`);
    } else if (option.type === 'boolean' && token.value !== undefined) {
      mistakes.push(`${token.rawName} takes no value.`);
    } else {
      const name = byFlag.get(token.name);
      if (name === undefined) extra.set(token.name, token.value ?? true);
      else found.set(name, { text: flagText(settings[name], token.value), source: token.rawName, rank: 0 });
    }
  }
  return { positionals, help: extra.has('help'), version: extra.has('version'), extra };
}

/** `--host --port 1`: the value was forgotten. `--host=--x` was meant. */
function looksLikeFlag(token: { value?: string | undefined; inlineValue?: boolean | undefined }): boolean {
  return token.inlineValue !== true && token.value?.startsWith('--') === true;
}

function flagText(setting: Setting<unknown>, value: string | undefined): string {
  return value?.trim() ?? (setting.negative === true ? 'false' : 'true');
}

import { readLayers, type Found, type Layers } from '../config/layers/layers.ts';
import { settings, type Setting, type SettingName } from '../config/settings.ts';
import { libraryWording } from '../config/layers/wording.ts';
import { nearest } from '../spelling/nearest.ts';
import { findWrongLog } from './log.ts';
import type { ProxyOptions } from './options.ts';

/** The settings that are options: the log has an option of its own. */
type OptionName = Exclude<SettingName, 'logLevel' | 'logFormat'>;

const optionNames = (Object.keys(settings) as SettingName[]).filter(
  (name): name is OptionName => name !== 'logLevel' && name !== 'logFormat',
);

/** Before flags and variables; see `Found`. */
const rank = -1;

/**
 * Converts options to the form of flags and variables, so that one parser validates all of them. Of the environment
 * only `env` is read, and no `.env`.
 */
export function readOptions(options: ProxyOptions): Layers {
  const { log, env, ...given } = options;
  const variables = readLayers({ args: [], env: env ?? {}, dotenvFile: undefined });
  const found = new Map(variables.found);
  const mistakes = [...variables.mistakes, ...findUnknown(Object.keys(given))];
  for (const name of optionNames) {
    const value: unknown = given[name];
    if (value === undefined) continue;
    const text = asText(value);
    if (text === undefined) mistakes.push(`${name} must be ${expected(name)}, not ${describe(value)}.`);
    else found.set(name, { text, source: name, rank } satisfies Found);
  }
  const wrongLog = findWrongLog(log);
  if (wrongLog !== undefined) mistakes.push(wrongLog);
  return { ...variables, found, mistakes, wording: libraryWording };
}

/** A value as the text of a flag; `undefined` if no flag could have it. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',');
  return undefined;
}

function expected(name: OptionName): string {
  const { default: value }: Setting<unknown> = settings[name];
  if (typeof value === 'boolean') return 'true or false';
  return typeof value === 'number' ? 'a number' : 'text';
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list of other things than text';
  return typeof value === 'function' ? 'a function' : `of type ${typeof value}`;
}

/** A sentence for each name that no option has: a misspelt `policy` would otherwise be silently ignored. */
function findUnknown(names: readonly string[]): string[] {
  const known: readonly string[] = optionNames;
  return names
    .filter((name) => !known.includes(name))
    .map((name) => {
      if (name === 'logLevel' || name === 'logFormat')
        return `${name} is not an option: set log to a pino logger, or to a level.`;
      const meant = nearest(name, [...known, 'log', 'env']);
      return meant === undefined
        ? `${name} is not an option; the type ProxyOptions lists them.`
        : `${name} is not an option; did you mean ${meant}?`;
    });
}

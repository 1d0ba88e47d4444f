import { parseArgs } from 'node:util';
import { nearest } from '../../spelling/nearest.ts';
import type { Found, Layers } from './layers.ts';
import { settings, type Setting, type SettingName } from '../settings.ts';

/** A flag of one command. */
export interface ExtraFlag {
  readonly flag: string;
  readonly argument?: string;
  readonly help: string;
}

const names = Object.keys(settings) as SettingName[];

/**
 * Reads the flags of a command.
 *
 * @param found gets the settings among them
 * @param mistakes gets a sentence for each flag that is unknown or has no value
 */
export function readFlags(
  args: readonly string[],
  extraFlags: readonly ExtraFlag[],
  found: Map<SettingName, Found>,
  mistakes: string[],
): Pick<Layers, 'positionals' | 'help' | 'version' | 'extra'> {
  const byFlag = new Map<string, SettingName>();
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
    all: { type: 'boolean' },
    version: { type: 'boolean', short: 'V' },
  };
  for (const name of names) {
    const { flag, argument }: Setting<unknown> = settings[name];
    if (flag === undefined) continue;
    byFlag.set(flag, name);
    options[flag] = { type: argument === undefined ? 'boolean' : 'string' };
  }
  for (const { flag, argument } of extraFlags) options[flag] = { type: argument === undefined ? 'boolean' : 'string' };

  // Not strict: a strict parser stops at the first mistake, with a message of its own.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const positionals: string[] = [];
  const extra = new Map<string, string | true>();
  const passed = new Set<number>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option' || passed.has(token.index)) continue;
    const long = nameBehindOneDash(args[token.index] ?? '');
    if (long !== undefined) passed.add(token.index); // the parser has taken its letters for flags
    const option = long === undefined && Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      mistakes.push(describeUnknown(long === undefined ? token.rawName : `-${long}`, long ?? token.name, options));
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
  if (extra.has('all') && !extra.has('help')) mistakes.push('--all belongs to --help: write --help --all.');
  return { positionals, help: extra.has('help'), version: extra.has('version'), extra };
}

/** `--host --port 1`: the value was forgotten. `--host=--x` was meant. */
function looksLikeFlag(token: { value?: string | undefined; inlineValue?: boolean | undefined }): boolean {
  return token.inlineValue !== true && token.value?.startsWith('--') === true;
}

function flagText(setting: Setting<unknown>, value: string | undefined): string {
  return value?.trim() ?? (setting.negative === true ? 'false' : 'true');
}

/** The name in `-port`; `undefined` for `--port`, `-h` and `-hV`. */
function nameBehindOneDash(word: string): string | undefined {
  const name = /^-([A-Za-z][\w-]+)/.exec(word)?.[1];
  return name === undefined || /^[hV]+$/.test(name) ? undefined : name;
}

/** A sentence about an unknown flag, with the flag that was probably meant. */
function describeUnknown(
  shown: string,
  name: string,
  options: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>,
): string {
  if (/^(?:maas-)?(?:api-?)?key$/.test(name)) {
    return 'There is no flag for the key itself, because a process list would show it: set MAAS_API_KEY, or pass a file that holds it with --api-key-file.';
  }
  if (Object.hasOwn(options, `no-${name}`))
    return `${shown} is not needed: it is the default unless --no-${name} is given.`;
  const positive = name.replace(/^no-/, '');
  if (positive !== name && Object.hasOwn(options, positive) && options[positive]?.type === 'boolean') {
    return `${shown} is not needed: it is the default unless --${positive} is given.`;
  }
  const meant = name.length > 1 ? nearest(name, Object.keys(options)) : undefined;
  return meant === undefined
    ? `${shown} is not a flag of this command; --help lists them.`
    : `${shown} is not a flag of this command; did you mean --${meant}?`;
}

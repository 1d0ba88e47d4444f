import { settings, type Setting } from '../config/settings.ts';
import { nearest } from '../spelling/nearest.ts';

/**
 * Suggests what an unknown or misplaced argument was probably meant to be.
 *
 * @param word without a secret
 * @param commands the names of all commands
 * @param isFirst whether it stands where a command would
 */
export function describeWord(word: string, commands: readonly string[], isFirst: boolean): string {
  const shown = word.replace(/(?<=\/\/)[^/]*@/, '…@');
  const what = isFirst ? `"${shown}" is not a command` : `"${shown}" is not expected here`;
  // Word processors and web pages turn "--" into a dash.
  const dashed = /^[\u2010-\u2015\u2212]+-?(.*)$/.exec(word)?.[1];
  if (dashed !== undefined) return `"${word}" begins with a dash that is no hyphen; write --${dashed}.`;
  if (/^https?:\/\//i.test(word)) return `${what}; MAAS's address stands behind --maas-url, or in MAAS_URL.`;
  const flag = flagOf(/^([\w-]+)=/.exec(word)?.[1] ?? '');
  if (flag !== undefined) return `${what}; write --${flag}${word.slice(word.indexOf('='))}.`;
  if (!isFirst && commands.includes(word)) {
    return `${what}: a command comes first, as in "maas-auth-proxy ${word}".`;
  }
  if (!isFirst) return `${what}; --help says more.`;
  const meant = nearest(word, commands);
  return meant === undefined
    ? `${what}; there are ${commands.join(', ')}. --help says more.`
    : `${what}; did you mean ${meant}?`;
}

/** The flag with a value to which a name of a variable or flag belongs. */
function flagOf(name: string): string | undefined {
  const all: Setting<unknown>[] = Object.values(settings);
  const setting = all.find(({ env, flag }) => env.includes(name.toUpperCase()) || flag === name.toLowerCase());
  return setting?.argument === undefined ? undefined : setting.flag;
}

import { nearest } from '../../spelling/nearest.ts';
import { settingNames } from './names.ts';
import type { SettingName } from '../settings.ts';

/**
 * Finds misspelt settings: `POLCY=read-only` would otherwise be silently ignored. A name that is not similar to any
 * setting belongs to another program, and so does one whose setting is set correctly elsewhere.
 *
 * @param layers the variables of each layer, by the suffix for messages
 * @returns a sentence for each
 */
export function findMisspelt(
  layers: Readonly<Record<string, Readonly<Record<string, string | undefined>>>>,
  found: ReadonlyMap<SettingName, unknown>,
): string[] {
  const known = settingNames();
  return Object.entries(layers).flatMap(([suffix, variables]) =>
    Object.entries(variables).flatMap(([name, text = '']) => {
      if (known.has(name) || text.trim() === '' || isLink(text)) return [];
      const meant = withWrongPrefix(name, known) ?? withWrongLetters(name, known);
      const setting = meant === undefined ? undefined : known.get(meant);
      if (setting === undefined || found.has(setting)) return [];
      return [
        `${name}${suffix} is not a setting: did you mean ${meant}? If another program reads ${name}, set ${meant} too.`,
      ];
    }),
  );
}

type Known = ReadonlyMap<string, SettingName>;

/** `MAAS_POLICY`, `MAAS_AUTH_PROXY_PORT`: the names of the program and of MAAS before a short one. */
function withWrongPrefix(name: string, known: Known): string | undefined {
  const [, prefix = '', short = ''] = /^(MAAS_(?:AUTH_)?(?:PROXY_)?)(\w+)$/i.exec(name) ?? [];
  // Other programs call MAAS's own address MAAS_HOST and MAAS_PORT.
  if (prefix.length <= 'MAAS_'.length && short.length < 6) return undefined;
  return known.has(short.toUpperCase()) ? short.toUpperCase() : undefined;
}

/**
 * How many letters may differ: two in a long name, one in a shorter one; in a very short one only swapped or missing
 * letters, because POST and COST are words.
 */
function withWrongLetters(name: string, known: Known): string | undefined {
  const meant = nearest(name, known.keys(), name.length < 10 ? 1 : 2);
  if (meant === undefined || meant.length >= 6) return meant;
  const letters = [...meant];
  for (const letter of name.toUpperCase()) {
    const at = letters.indexOf(letter);
    if (at === -1) return undefined;
    letters.splice(at, 1);
  }
  return meant;
}

/** Kubernetes and Docker set variables for other services: `MAAS_PORT=tcp://10.96.0.1:5240`. */
function isLink(text: string): boolean {
  return /^(?:tcp|udp|sctp):\/\//.test(text);
}

import type { Layers } from './layers.ts';
import { settings, type SettingName, type SettingValues } from './settings.ts';
import { SettingError } from './values.ts';

/**
 * Reads one setting, for a command that needs no more.
 *
 * @param mistakes gets a sentence when it cannot be read
 */
export function readSetting<Name extends SettingName>(
  layers: Layers,
  name: Name,
  mistakes: string[],
): SettingValues[Name] | undefined {
  const found = layers.found.get(name);
  const setting = settings[name] as { read: (text: string) => unknown; default?: unknown };
  try {
    return (found === undefined ? setting.default : setting.read(found.text)) as SettingValues[Name];
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push(`${found?.source} ${error.message}.`);
    return undefined;
  }
}

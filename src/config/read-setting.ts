import type { Found, Layers } from './layers/layers.ts';
import { settings, type Setting, type SettingName, type SettingValues } from './settings.ts';
import { SettingError } from './values.ts';

/**
 * Reads one setting, for a command that needs only this one.
 *
 * @param mistakes gets a sentence if the setting is invalid
 */
export function readSetting<Name extends SettingName>(
  layers: Layers,
  name: Name,
  mistakes: string[],
): SettingValues[Name] | undefined {
  const found = layers.found.get(name);
  const setting: Setting<unknown> = settings[name];
  try {
    return (found === undefined ? setting.default : readFound(setting, found)) as SettingValues[Name];
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push(`${found?.source} ${error.message}.`);
    return undefined;
  }
}

/**
 * Reads the text of a setting.
 *
 * @throws {SettingError} what is wrong with it, and what to do if another program may have set it
 */
export function readFound<Value>({ read }: Pick<Setting<Value>, 'read'>, { text, instead }: Found): Value {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof SettingError) || instead === undefined || error.message.startsWith('names ')) throw error;
    throw new SettingError(`${error.message}; if another program sets it, use ${instead}`);
  }
}

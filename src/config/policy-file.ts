import { parsePolicy, presetPolicy, type Policy } from '../policy/policy.ts';
import { presets, type PresetName } from '../policy/presets.ts';
import { RuleError } from '../policy/rule.ts';
import { readSettingFile } from './files.ts';
import { SettingError } from './values.ts';

/**
 * The policy that a setting names: a preset, or a file of rules.
 *
 * @throws {SettingError} which line of the file is wrong, or that there is no such file
 */
export function readPolicy(text: string): Policy {
  if (Object.hasOwn(presets, text)) return presetPolicy(text as PresetName);
  if (!/[./\\]/.test(text)) {
    throw new SettingError(`must be ${Object.keys(presets).join(', ')}, or the path of a file of rules, not "${text}"`);
  }
  const content = readSettingFile(text);
  try {
    return parsePolicy(text, content);
  } catch (error) {
    if (error instanceof RuleError) throw new SettingError(`names the file ${text}: ${error.message}`);
    throw error;
  }
}

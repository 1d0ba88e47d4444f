import { parsePolicy, presetPolicy, type Policy } from '../policy/policy.ts';
import { presets, type PresetName } from '../policy/presets.ts';
import { RuleError } from '../policy/rule.ts';
import { readSettingFile, type ReadText } from './files.ts';
import { SettingError } from './values.ts';

/**
 * The policy that a setting names: a preset, or a file of rules.
 *
 * @throws {SettingError} which line of the file is wrong, or that there is no such file
 */
export function readPolicy(text: string): Policy {
  if (!isPolicyFile(text)) return presetPolicy(text as PresetName);
  if (!isPath(text)) {
    throw new SettingError(`must be ${Object.keys(presets).join(', ')}, or the path of a file of rules, not "${text}"`);
  }
  return readPolicyFile(text);
}

/** Whether a word is a path: it has a dot or a slash, which no preset has. */
export function isPath(text: string): boolean {
  return /[./\\]/.test(text);
}

/** Whether a setting names no preset, and so a file. */
export function isPolicyFile(text: string): boolean {
  return !Object.hasOwn(presets, text);
}

/**
 * Reads a file of rules.
 *
 * @param name what clients are told that the policy is called
 * @throws {SettingError} which line is wrong, or that there is no such file
 */
export function readPolicyFile(file: string, read: ReadText = readSettingFile, name = file): Policy {
  const content = read(file);
  try {
    return parsePolicy(name, content);
  } catch (error) {
    if (error instanceof RuleError) throw new SettingError(`names the file ${file}: ${error.message}`);
    throw error;
  }
}

import { explainIdleRule } from '../policy/known-operations.ts';
import { parsePolicy, presetPolicy, type Policy } from '../policy/policy.ts';
import { presets, type PresetName } from '../policy/presets.ts';
import { RuleError, type Rule } from '../policy/rule.ts';
import { nearest } from '../spelling/nearest.ts';
import { readSettingFile, type ReadText } from './files.ts';
import { SettingError } from './values.ts';

/**
 * Reads the policy that a setting names: a preset, or a file of rules.
 *
 * @throws {SettingError} which line of the file is wrong, or that there is no such file
 */
export function readPolicy(text: string): Policy {
  if (!isPolicyFile(text)) return presetPolicy(text as PresetName);
  if (!isPath(text)) {
    const names = Object.keys(presets);
    const meant = nearest(text, names);
    throw new SettingError(
      `must be ${names.join(', ')}, or the path of a file of rules, not "${text}"` +
        (meant === undefined ? '' : ` (did you mean ${meant}?)`),
    );
  }
  return readPolicyFile(text);
}

/** Whether a word is a path: it has a dot or a slash, which no preset has. */
export function isPath(text: string): boolean {
  return /[./\\]/.test(text);
}

/** Whether a setting's text is not a preset, and therefore a file. */
export function isPolicyFile(text: string): boolean {
  return !Object.hasOwn(presets, text);
}

/**
 * Reads a file of rules. A `deny` rule that matches nothing is a mistake, because its author relies on it.
 *
 * @param name the policy's name for clients
 * @throws {SettingError} which line is wrong, or that there is no such file
 */
export function readPolicyFile(file: string, read: ReadText = readSettingFile, name = file): Policy {
  const content = read(file);
  try {
    return parsePolicy(name, content, refuseIdleDeny);
  } catch (error) {
    if (error instanceof RuleError) throw new SettingError(`names the file ${file}: ${error.message}`);
    throw error;
  }
}

function refuseIdleDeny(rule: Rule): void {
  const sentence = rule.allows ? undefined : explainIdleRule(rule);
  if (sentence !== undefined) throw new RuleError(sentence);
}

import { decodeFormName } from '../maas/api-path.ts';
import type { Operation } from '../maas/operations/operation.ts';
import { spellings } from '../maas/operations/route.ts';
import { presets, type PresetName } from './presets.ts';
import { coversPath, dependsOnOp, matches, parseRule, RuleError, type Rule } from './rule.ts';

/** A list of rules: the last one that matches decides; without a match the request is refused. */
export interface Policy {
  /** Its name, or that of its file. */
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** A policy's decision about an operation. */
export interface Decision {
  readonly allowed: boolean;
  /** The rule that decided; `undefined` if none matched. */
  readonly rule: Rule | undefined;
}

/** The policy of a preset. */
export function presetPolicy(name: PresetName): Policy {
  return { name, rules: presets[name].map(parseRule) };
}

/**
 * Reads the rules of a policy file, one per line; `#` begins a comment. A line with the name of a preset stands for its
 * rules.
 *
 * @param examine checks each rule, and may throw a `RuleError` too
 * @throws {RuleError} which line, and what is wrong with it
 */
export function parsePolicy(name: string, text: string, examine?: (rule: Rule) => void): Policy {
  const rules: Rule[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/(?:^|\s)#.*$/, '').trim();
    if (content === '') continue;
    try {
      if (Object.hasOwn(presets, content)) rules.push(...presetPolicy(content as PresetName).rules);
      else {
        const rule = parseRule(content);
        examine?.(rule);
        rules.push(rule);
      }
    } catch (error) {
      if (error instanceof RuleError) throw new RuleError(`line ${index + 1}: ${error.message}`);
      throw error;
    }
  }
  if (rules.length === 0) throw new RuleError('it holds no rule, so that everything would be refused');
  return { name, rules };
}

/** Decides about an operation. */
export function decide(policy: Policy, operation: Operation, query: string): Decision {
  const values = (name: string): string[] => parameterValues(query, name);
  const paths = spellings(operation.segments);
  const rule = policy.rules.findLast((candidate) => matches(candidate, operation, paths, values));
  return { allowed: rule?.allows === true, rule };
}

/**
 * Whether the decision about a path depends on the op, so that the op must be known: from the last rule up to the first
 * that matches with any op and parameters.
 */
export function needsOp({ rules }: Policy, method: string, segments: readonly string[]): boolean {
  const paths = spellings(segments);
  for (let index = rules.length - 1; index >= 0; index -= 1) {
    const rule = rules[index] as Rule;
    const matters = dependsOnOp(rule) || isUnconditional(rule);
    if (matters && coversPath(rule, method, paths)) return dependsOnOp(rule);
  }
  return false;
}

function isUnconditional(rule: Rule): boolean {
  return !dependsOnOp(rule) && rule.parameter === undefined;
}

function parameterValues(query: string, name: string): string[] {
  const values: string[] = [];
  for (const pair of query.replace(/^\?/, '').split('&')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && decodeFormName(pair.slice(0, equals)) === name)
      values.push(decodeFormName(pair.slice(equals + 1)));
  }
  return values;
}

import { ConfigurationError } from '../config/configuration-error.ts';
import { readSettingFile } from '../config/files.ts';
import type { Layers } from '../config/layers/layers.ts';
import { readSetting } from '../config/read-setting.ts';
import { SettingError } from '../config/values.ts';
import { findSignatureOverride, resolveApiPath, type ApiPath } from '../maas/api-path.ts';
import { formOps } from '../maas/forms/form.ts';
import { maskKeys } from '../maas/mask-keys.ts';
import { resolveOperation, type Operation } from '../maas/operations/operation.ts';
import { nameOf } from '../maas/operations/route.ts';
import { describeOperation } from '../policy/explanation.ts';
import { evaluate } from '../policy/evaluate.ts';
import { explainIdleRules, nearestOperation } from '../policy/known-operations.ts';
import { policyOfClient } from './policy-of-client.ts';
import { say, type Run } from './command.ts';

/** Prints which operation a request is and whether the policy allows it, without sending anything. */
export const explain: Run = async (layers) => {
  const mistakes = [...layers.mistakes];
  const gatewayPolicy = readSetting(layers, 'policy', mistakes);
  const inForce = gatewayPolicy && policyOfClient(layers, gatewayPolicy, mistakes);
  const request = readRequest(layers, mistakes);
  if (mistakes.length > 0 || inForce === undefined || request === undefined) throw new ConfigurationError(mistakes);

  const { policy, note } = inForce;
  const { method, path, type, body } = request;
  const form = body && formOps(type, body);
  const operation = resolveOperation(method, path, form);
  const { decision, ambiguity } = evaluate(policy, operation, path, form);
  const override = findSignatureOverride(path.query);
  const fault = override === undefined ? ambiguity : `has "${override}" in its query, which is never forwarded`;
  const allowed = decision.allowed && fault === undefined;
  printMasked(`operation  ${describeOperation(operation)}${noteUnknown(operation)}`);
  printMasked(`policy     ${policy.name}${note}`);
  printMasked(`rule       ${decision.rule?.text ?? 'none matches, and what no rule allows is refused'}`);
  printMasked(`verdict    ${allowed ? 'allowed' : 'refused'}${fault === undefined ? '' : `: it ${fault}`}`);
  for (const sentence of explainIdleRules(policy, 'The policy')) printMasked(`note       ${sentence}`);
  return allowed ? 0 : 1;
};

/** For an operation that MAAS is not known to have: the operation that was probably meant. */
function noteUnknown({ method, segments, op }: Operation): string {
  if (nameOf(method, segments, op) !== undefined) return '';
  const meant = nearestOperation(method, segments, op);
  return ` (not known of MAAS${meant === undefined ? '' : `; did you mean ${meant}?`})`;
}

/** The address on the command line may contain a key. */
function printMasked(line: string): void {
  say(maskKeys(line));
}

interface ExplainedRequest {
  readonly method: string;
  readonly path: ApiPath;
  readonly type: string;
  readonly body: Buffer | undefined;
}

function readRequest({ positionals, extra }: Layers, mistakes: string[]): ExplainedRequest | undefined {
  const [method = '', url = '', ...others] = positionals;
  if (url === '' || others.length > 0 || !/^[A-Za-z]+$/.test(method)) {
    mistakes.push("explain needs a method and an address, for example: explain POST '/machines/abc/?op=deploy'.");
    return undefined;
  }
  const path = resolveApiPath(url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?=[^/])/, '/'));
  if (typeof path === 'string') {
    mistakes.push(`"${url}" is no address of the API: use /MAAS/api/2.0/… or the short form, such as /machines/.`);
    return undefined;
  }
  const type = extra.get('content-type');
  return {
    method: method.toUpperCase(),
    path,
    type: typeof type === 'string' ? type : 'application/x-www-form-urlencoded',
    body: readBodyFlag(extra.get('body'), mistakes),
  };
}

/** The value of `--body`, or with `@` the content of the file that it names, like curl's `--data`. */
function readBodyFlag(body: string | true | undefined, mistakes: string[]): Buffer | undefined {
  if (typeof body !== 'string') return undefined;
  if (!body.startsWith('@')) return Buffer.from(body);
  try {
    return Buffer.from(readSettingFile(body.slice(1)));
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push(`--body ${error.message}.`);
    return undefined;
  }
}

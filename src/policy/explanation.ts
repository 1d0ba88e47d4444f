import { nameOf } from '../maas/operations/route.ts';
import type { Operation } from '../maas/operations/operation.ts';
import type { Policy } from './policy.ts';
import type { Rule } from './rule.ts';

/**
 * An operation as log, metrics and MAAS's documentation name it, and as rules may write it: `POST machines/{system_id} deploy`.
 * One that MAAS is not known to have is written alike, with what was asked for: `POST machines/abc delpoy`.
 */
export function describeOperation({ method, segments, op }: Operation): string {
  const name = nameOf(method, segments, op);
  if (name !== undefined) return name;
  return [
    method,
    segments.length === 0 ? '/' : segments.map(visible).join('/'),
    op === undefined ? undefined : visible(op),
  ]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** What is no letter, digit or sign is shown percent-encoded: a client could have put a line of its own into the sentence. */
function visible(text: string): string {
  return text.replaceAll(/[^!-$&-.0-~\p{L}\p{N}]/gu, (character) =>
    Buffer.from(character)
      .toString('hex')
      .toUpperCase()
      .replaceAll(/../g, (byte) => `%${byte}`),
  );
}

/**
 * Says why an operation is refused, and how it would be allowed.
 *
 * @param isClients whether the policy is one that a client has of its own
 */
export function explainRefusal(
  policy: Policy,
  operation: Operation,
  rule: Rule | undefined,
  isClients: boolean,
): string {
  const what = describeOperation(operation);
  // Of a rule about one value of a parameter, the others are no concern.
  const { name, value } = rule?.parameter ?? {};
  const line = name === undefined ? `allow ${what}` : `allow ${what} ${name}=${value}`;
  const why = rule === undefined ? 'no rule of it allows that' : `its rule "${rule.text}"`;
  const remedy = isClients
    ? /[./\\]/.test(policy.name)
      ? `let the file ${policy.name} end with the line "allow ${what}"`
      : `let this client's "policy" in the clients file be a list of rules that ends with "${line}"`
    : `start the proxy with a policy file (--policy) that ends with the line "${line}"`;
  return `The policy "${policy.name}" refuses ${what}: ${why}. To allow it, ${remedy}.`;
}

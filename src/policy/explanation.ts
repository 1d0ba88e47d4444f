import type { Operation } from '../maas/operation.ts';
import type { Policy } from './policy.ts';
import type { Rule } from './rule.ts';

/** An operation as rules write it: `POST machines/abc/ deploy`. */
export function describeOperation({ method, segments, op }: Operation): string {
  return [method, `${segments.map(visible).join('/')}/`, op === undefined ? undefined : visible(op)]
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
  const why = rule === undefined ? 'no rule of it allows that' : `its rule "${rule.text}"`;
  const remedy = isClients
    ? /[./\\]/.test(policy.name)
      ? `let the file ${policy.name} end with the line "allow ${what}"`
      : `let this client's "policy" in the clients file be a list of rules that ends with "allow ${what}"`
    : `start the proxy with a policy file (--policy) that ends with the line "allow ${what}"`;
  return `The policy "${policy.name}" refuses ${what}: ${why}. To allow it, ${remedy}.`;
}

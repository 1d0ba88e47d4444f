import { nameOf } from '../maas/operations/route.ts';
import type { Operation } from '../maas/operations/operation.ts';
import type { Policy } from './policy.ts';
import type { Rule } from './rule.ts';

/**
 * An operation in the form of the log, metrics and MAAS's documentation, which rules accept too: `POST
 * machines/{system_id} deploy`. An operation that MAAS is not known to have is written alike, with the requested path:
 * `POST machines/abc delpoy`.
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

/**
 * Characters other than letters, digits and signs are percent-encoded: a client could otherwise put a line of its own
 * into the sentence.
 */
function visible(text: string): string {
  return text.replaceAll(/[^!-$&-.0-~\p{L}\p{N}]/gu, (character) =>
    Buffer.from(character)
      .toString('hex')
      .toUpperCase()
      .replaceAll(/../g, (byte) => `%${byte}`),
  );
}

/**
 * Explains why an operation is refused, and how to allow it.
 *
 * @param isClients whether the policy is the client's own
 */
export function explainRefusal(
  policy: Policy,
  operation: Operation,
  rule: Rule | undefined,
  isClients: boolean,
): string {
  const what = describeOperation(operation);
  // A rule about one value of a parameter does not need the others.
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

import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { describeOperation, explainRefusal } from '../policy/explanation.ts';
import type { Policy } from '../policy/policy.ts';
import { Problem } from '../problem.ts';
import type { RequestedOperation } from './operation.ts';

/**
 * Step 7: may this client do that?
 *
 * @param policy the client's own policy, or the gateway's
 */
export function authorize(
  { trace }: Exchange,
  { client }: ClientIdentity,
  policy: Policy,
  { operation, evaluation }: RequestedOperation,
): void {
  const { decision, ambiguity } = evaluation;
  trace.operation = operation;
  trace.rule = decision.rule?.text;
  if (ambiguity !== undefined) {
    throw new Problem('ambiguous-operation', `The policy depends on the operation, and the request ${ambiguity}.`);
  }
  if (decision.allowed) return;
  const isClients = client?.policy !== undefined;
  throw new Problem('policy-refused', explainRefusal(policy, operation, decision.rule, isClients), {
    members: { operation: describeOperation(operation), policy: policy.name, rule: decision.rule?.text ?? null },
  });
}

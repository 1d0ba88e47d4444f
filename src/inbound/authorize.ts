import { joined } from '../http/byte-blocks.ts';
import type { Exchange, Step } from '../exchange.ts';
import { connectionOptions } from '../http/hop-by-hop.ts';
import type { ApiPath } from '../maas/api-path.ts';
import { formOpsInPieces } from '../maas/forms/form.ts';
import { takesNoSignature } from '../maas/operations/anonymous.ts';
import { namesOpInQuery, type FormOps } from '../maas/operations/operation.ts';
import { describeOperation, explainRefusal } from '../policy/explanation.ts';
import { dependsOnOp, evaluate } from '../policy/evaluate.ts';
import type { Policy } from '../policy/policy.ts';
import { Problem } from '../problem.ts';
import type { ReadBody } from './request-body.ts';

/**
 * Steps 6 and 7: which operation is it, and may it be done? A request is refused before its body is read, unless the verdict
 * hangs on the op that a form in it may name; the form is then read for it.
 *
 * @param inForce for those who have no policy of their own; asked for each request
 */
export function authorize(inForce: () => Policy, takeBody: ReadBody): Step {
  return (exchange) => {
    const path = exchange.apiPath as ApiPath;
    const own = exchange.client?.policy ?? inForce();
    const hangsOnForm = exchange.method === 'POST' && mayBeForm(exchange) && dependsOnOp(own, 'POST', path);
    // Beside an op in the query, one in the form can only be one too many.
    if (!hangsOnForm || namesOpInQuery(path)) enforce(own, exchange, path);
    return hangsOnForm ? readAndEnforce(own, exchange, path, takeBody) : undefined;
  };
}

async function readAndEnforce(inForce: Policy, exchange: Exchange, path: ApiPath, takeBody: ReadBody): Promise<void> {
  await takeBody(exchange, true);
  const form = joined(exchange.body ?? []);
  // The pieces that it came in are no longer needed.
  if (exchange.body !== undefined) exchange.body = [form];
  enforce(inForce, exchange, path, await formOpsInPieces(contentType(exchange), form));
}

function enforce(inForce: Policy, exchange: Exchange, path: ApiPath, form?: FormOps): void {
  const { operation, verdict, ambiguity } = evaluate(inForce, exchange.method, path, form);
  exchange.operation = operation;
  if (takesNoSignature(exchange.method, path, operation.op)) exchange.isUnsigned = true;
  exchange.rule = verdict.rule?.text;
  if (ambiguity !== undefined) {
    throw new Problem('ambiguous-operation', `The policy depends on the operation, and the request ${ambiguity}.`);
  }
  if (verdict.allowed) return;
  const isClients = exchange.client?.policy !== undefined;
  throw new Problem('policy-refused', explainRefusal(inForce, operation, verdict.rule, isClients), {
    members: { operation: describeOperation(operation), policy: inForce.name, rule: verdict.rule?.text ?? null },
  });
}

/** Wider than what MAAS takes for a form: the form's reader decides. */
function mayBeForm(exchange: Exchange): boolean {
  return /form/i.test(contentType(exchange) ?? '');
}

/** The Content-Type that MAAS gets: the client's, unless the client has made it an option of its connection. */
function contentType({ request: { headers }, contentType: made }: Exchange): string | undefined {
  if (made !== undefined) return made;
  return connectionOptions(headers.connection)?.has('content-type') === true ? undefined : headers['content-type'];
}

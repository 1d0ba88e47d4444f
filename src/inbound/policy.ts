import type { Exchange, Step } from '../exchange.ts';
import { connectionOptions } from '../hop-by-hop.ts';
import type { ApiPath } from '../maas/api-path.ts';
import { formOpsInPieces } from '../maas/form.ts';
import { takesNoSignature } from '../maas/anonymous.ts';
import type { FormOps } from '../maas/operation.ts';
import { describeOperation, explainRefusal } from '../policy/explanation.ts';
import { hangsOnOp, judge } from '../policy/judge.ts';
import type { Policy } from '../policy/policy.ts';
import { Problem } from '../problem.ts';
import type { WholeBody } from './whole-body.ts';

/**
 * Steps 6 and 7: which operation is it, and may it be done? Where the verdict hangs on the op, a form is read for it and
 * then forwarded as it came.
 *
 * @param inForce for those who have no policy of their own; asked for each request
 */
export function policy(inForce: () => Policy, wholeBody: WholeBody): Step {
  return (exchange) => {
    const path = exchange.apiPath as ApiPath;
    const own = exchange.client?.policy ?? inForce();
    if (exchange.method === 'POST' && mayBeForm(exchange) && hangsOnOp(own, 'POST', path)) {
      return readAndEnforce(own, exchange, path, wholeBody);
    }
    enforce(own, exchange, path);
    return undefined;
  };
}

async function readAndEnforce(inForce: Policy, exchange: Exchange, path: ApiPath, wholeBody: WholeBody): Promise<void> {
  exchange.body ??= await wholeBody(exchange);
  enforce(inForce, exchange, path, await formOpsInPieces(contentType(exchange), exchange.body));
}

function enforce(inForce: Policy, exchange: Exchange, path: ApiPath, form?: FormOps): void {
  const { operation, verdict, doubt } = judge(inForce, exchange.method, path, form);
  exchange.operation = operation;
  if (takesNoSignature(exchange.method, path, operation.op)) exchange.isUnsigned = true;
  exchange.rule = verdict.rule?.text;
  if (doubt !== undefined) {
    throw new Problem('ambiguous-operation', `The policy depends on the operation, and the request ${doubt}.`);
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

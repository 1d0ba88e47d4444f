import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { concatBlocks } from '../http/byte-blocks.ts';
import { takesNoSignature } from '../maas/operations/anonymous.ts';
import type { ApiPath } from '../maas/api-path.ts';
import { formOpsInPieces } from '../maas/forms/form.ts';
import { namesOpInQuery, type Operation } from '../maas/operations/operation.ts';
import { classify, type OperationClass } from '../policy/operation-class.ts';
import { dependsOnOp, evaluate, isRefusal, type Evaluation } from '../policy/evaluate.ts';
import type { Policy } from '../policy/policy.ts';
import { contentTypeOf, type ReadBody, type RequestBody } from './request-body.ts';

/** What a request asks MAAS to do. */
export interface RequestedOperation {
  readonly operation: Operation;
  readonly operationClass: OperationClass;
  /** MAAS accepts it only unsigned. */
  readonly takesNoSignature: boolean;
  /** The policy's decision. */
  readonly evaluation: Evaluation;
  /** The body, if it had to be read to resolve the operation. */
  readonly body: RequestBody | undefined;
}

/**
 * Step 6: which operation is it, by method, path and op, and which class does it have? A form in the body is read only
 * if the policy's decision depends on its op.
 */
export function createOperationStep(
  readBody: ReadBody,
): (
  exchange: Exchange,
  apiPath: ApiPath,
  identity: ClientIdentity,
  policy: Policy,
) => RequestedOperation | Promise<RequestedOperation> {
  return (exchange, apiPath, identity, policy) => {
    const { method } = exchange;
    const evaluation = evaluate(policy, method, apiPath);
    const found = (of: Evaluation, body?: RequestBody): RequestedOperation => ({
      operation: of.operation,
      operationClass: classify(method, apiPath),
      takesNoSignature: takesNoSignature(method, apiPath, of.operation.op),
      evaluation: of,
      body,
    });
    const hangsOnForm = method === 'POST' && mayBeForm(exchange) && dependsOnOp(policy, method, apiPath);
    // Beside an op in the query, an op in the form is always one too many.
    if (!hangsOnForm || (namesOpInQuery(apiPath) && isRefusal(evaluation))) return found(evaluation);
    return (async () => {
      const read = await readBody(exchange, apiPath, identity, true);
      const text = concatBlocks(read.pieces ?? []);
      // The pieces are no longer needed.
      const body = { ...read, pieces: [text] };
      const form = await formOpsInPieces(contentTypeOf(exchange, body), text);
      return found(evaluate(policy, method, apiPath, form), body);
    })();
  };
}

/** Matches more than MAAS takes for a form: the form's reader decides. */
function mayBeForm(exchange: Exchange): boolean {
  return /form/i.test(contentTypeOf(exchange) ?? '');
}

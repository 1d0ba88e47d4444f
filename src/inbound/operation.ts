import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { concatBlocks } from '../http/byte-blocks.ts';
import { takesNoSignature } from '../maas/operations/anonymous.ts';
import { formOpsInPieces } from '../maas/forms/form.ts';
import { namesOpInQuery, resolveOperation, type FormOps, type Operation } from '../maas/operations/operation.ts';
import { classify, type OperationClass } from '../policy/operation-class.ts';
import { dependsOnOp, evaluate, isRefusal, type Evaluation } from '../policy/evaluate.ts';
import type { Policy } from '../policy/policy.ts';
import type { Addressed } from './address.ts';
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
 * Step 6: which operation is it, by method, path and op, and which class does it have? It is the one that the address
 * names, unless a form in the body names the op. The form is read only if the policy's decision depends on its op.
 */
export function createOperationStep(
  readBody: ReadBody,
): (
  exchange: Exchange,
  addressed: Addressed,
  identity: ClientIdentity,
  policy: Policy,
) => RequestedOperation | Promise<RequestedOperation> {
  return (exchange, addressed, identity, policy) => {
    const { apiPath, operation } = addressed;
    const { method } = operation;
    const found = (named: Operation, body?: RequestBody, form?: FormOps): RequestedOperation => ({
      operation: named,
      operationClass: classify(named, apiPath),
      takesNoSignature: takesNoSignature(named, apiPath),
      evaluation: evaluate(policy, named, apiPath, form),
      body,
    });
    if (method !== 'POST' || !mayBeForm(exchange) || !dependsOnOp(policy, operation, apiPath)) return found(operation);
    // Beside an op in the query, an op in the form is always one too many.
    if (namesOpInQuery(apiPath) && isRefusal(evaluate(policy, operation, apiPath))) return found(operation);
    return (async () => {
      const read = await readBody(exchange, addressed, identity, true);
      const text = concatBlocks(read.pieces ?? []);
      // The pieces are no longer needed.
      const body = { ...read, pieces: [text] };
      const form = await formOpsInPieces(contentTypeOf(exchange, body), text);
      return found(form === undefined ? operation : resolveOperation(method, apiPath, form), body, form);
    })();
  };
}

/** Matches more than MAAS takes for a form: the form's reader decides. */
function mayBeForm(exchange: Exchange): boolean {
  return /form/i.test(contentTypeOf(exchange) ?? '');
}

import { hasNoTrailingSlash, type ApiPath } from '../maas/api-path.ts';
import type { DescribedOperation, DescribedParameter } from '../maas/description.ts';
import { resolveOperation } from '../maas/operations/operation.ts';
import { knownOperations, nameOf, type KnownOperation } from '../maas/operations/route.ts';
import { evaluate, isRefusal } from '../policy/evaluate.ts';
import { classify } from '../policy/operation-class.ts';
import type { Policy } from '../policy/policy.ts';
import type { Operation, Operations } from './browser/contract.ts';

/**
 * All known operations of MAAS, with MAAS's own descriptions, and whether a policy allows each. Identifiers count as
 * ones that no rule names.
 */
export function listOperations(policy: Policy, described: readonly DescribedOperation[]): Operations {
  const descriptions = new Map<string, DescribedOperation>();
  const unknown = new Set<string>();
  for (const one of described) {
    const name = nameOf(one.method, one.path.split('/'), one.op);
    if (name === undefined) unknown.add([one.method, one.path, one.op].filter((word) => word !== undefined).join(' '));
    // MAAS describes some operations twice, once for unsigned requests.
    else if (descriptions.get(name)?.isAnonymous !== false) descriptions.set(name, one);
  }
  const byName = new Map(knownOperations.map((known) => [known.name, known]));
  return {
    operations: Array.from(byName.values(), (known) => show(known, policy, descriptions.get(known.name))),
    unknown: [...unknown],
  };
}

function show(known: KnownOperation, policy: Policy, described: DescribedOperation | undefined): Operation {
  const { name, method, op } = known;
  const segments = described?.path.split('/') ?? known.segments;
  const path = `${segments.join('/')}${hasNoTrailingSlash(segments) ? '' : '/'}`;
  const apiPath: ApiPath = { form: '', path: `/${path}`, query: op === undefined ? '' : `?op=${op}`, segments };
  const operation = resolveOperation(method, apiPath);
  const evaluation = evaluate(policy, operation, apiPath);
  return {
    name,
    method,
    path,
    op: op ?? null,
    class: classify(operation, apiPath),
    summary: described?.title ?? '',
    description: described?.text ?? '',
    parameters: described?.parameters ?? identifiersOf(segments),
    allowed: !isRefusal(evaluation),
    rule: evaluation.decision.rule?.text ?? null,
  };
}

function identifiersOf(segments: readonly string[]): DescribedParameter[] {
  return segments
    .filter((segment) => segment.startsWith('{'))
    .map((segment) => ({
      name: segment.slice(1, -1),
      in: 'path',
      type: 'String',
      required: true,
      description: '',
    }));
}

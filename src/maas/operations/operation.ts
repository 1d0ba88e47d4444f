import { decodeFormName, type ApiPath } from '../api-path.ts';
import { readRoute, type Reading } from './route.ts';

/** An operation of MAAS's API, as MAAS will understand the request: method, path and op. */
export interface Operation {
  readonly method: string;
  /**
   * The segments of the path without an operation suffix, percent-decoded, each identifier in one piece:
   * `['machines', 'abc']`, `['subnets', '10.0.0.0/24']`.
   */
  readonly segments: readonly string[];
  /** Its op; `undefined` for a plain create, read, update or delete. */
  readonly op: string | undefined;
}

/** Why only MAAS can say which operation a request means. */
export type Ambiguity = 'several-ops' | 'semicolon' | 'unreadable-body';

/** The ops in a form body. */
export interface FormOps {
  /** The values of every field that MAAS could read as `op`, in their order. */
  readonly ops: readonly string[];
  /** Whether something in the form is written so that readers differ about it. */
  readonly isAmbiguous: boolean;
}

/**
 * Resolves the operation of a request. MAAS looks for `op` in the query, where the last one wins and an empty one does
 * not count, then in a form body (POST only), then in the path: `/machines/abc/op-deploy` is `POST
 * /machines/abc/?op=deploy` (MAAS 3.3).
 *
 * @param form the ops in the body; `undefined` if it was not read or is no form
 * @param reading how the path is read; by default as MAAS's router does
 */
export function resolveOperation(
  method: string,
  path: ApiPath,
  form?: FormOps,
  { segments, op: suffix }: Reading = readRoute(path),
): Operation {
  const op = opValues(queryText(path)).at(-1) || (method === 'POST' ? form?.ops.at(-1) : '') || suffix;
  return { method, segments, op: op || undefined };
}

/**
 * Whether two readers could find different operations in a request: different ops in different places, `;` as a
 * separator, which some take for `&`, or an unusual form.
 */
export function findAmbiguity(method: string, path: ApiPath, form?: FormOps): Ambiguity | undefined {
  const query = queryText(path);
  if (hidesOp(query)) return 'semicolon';
  const read = method === 'POST' ? form : undefined;
  if (read?.isAmbiguous === true) return 'unreadable-body';
  const named = [...opValues(query), ...(read?.ops ?? [])].filter((name) => name !== '');
  const { op: suffix } = readRoute(path);
  if (suffix !== undefined) named.push(suffix);
  return new Set(named).size > 1 ? 'several-ops' : undefined;
}

/** Whether a request's query has an op, which then overrides the form and the path. */
export function namesOpInQuery(path: ApiPath): boolean {
  return Boolean(opValues(queryText(path)).at(-1));
}

/** Plain creates that read only form fields, as operations with an `op` do. */
const plainFormReaders = /^account\/prefs\/ss[hl]keys$/;

/**
 * Whether MAAS reads a POST's body only as a form, so that it would silently ignore JSON: all operations with an `op`,
 * and the two creates above. Other creates and updates accept JSON.
 */
export function readsFormOnly({ op, segments }: Operation): boolean {
  return op !== undefined || plainFormReaders.test(segments.join('/'));
}

/**
 * The values of every `op` in a query without its question mark, in their order. One without "=" counts as an empty one
 * (Python's `parse_qsl` with `keep_blank_values`, which Django uses). Forms are larger: form.ts reads them.
 */
export function opValues(pairs: string): string[] {
  if (pairs === '') return [];
  return Array.from(pairs.matchAll(opPair), ([, value]) => (value === undefined ? '' : decodeFormName(value)));
}

/** A pair whose name is `op` after percent-decoding. */
const opPair = /(?<=^|&)(?:o|%6[fF])(?:p|%70)(?:=([^&]*))?(?=&|$)/g;

/** Whether an `op` follows a `;`, where only some readers find it. */
export function hidesOp(pairs: string): boolean {
  return pairs.includes(';') && opValues(pairs.replaceAll(';', '&')).length > opValues(pairs).length;
}

function queryText({ query }: ApiPath): string {
  return query.slice(1);
}

import { decodeFormName, type ApiPath } from './api-path.ts';

/** An operation of MAAS's API, as MAAS will understand the request: method, path and op. */
export interface Operation {
  readonly method: string;
  /** The segments of the path without an operation suffix, percent-decoded: `['machines', 'abc']`. */
  readonly segments: readonly string[];
  /** Its name, `undefined` for a plain create, read, update or delete. */
  readonly op: string | undefined;
}

/** Why nobody but MAAS can say which operation a request means. */
export type Ambiguity = 'several-ops' | 'semicolon' | 'unreadable-body';

/** What a form in the body says of the operation. */
export interface FormOps {
  /** The values of every field that MAAS could read as `op`, in their order. */
  readonly ops: readonly string[];
  /** Something in the form is written so that readers differ about it. */
  readonly isDoubtful: boolean;
}

/**
 * Resolves the operation of a request. MAAS looks for `op` in the query, where the last one wins and an empty one does
 * not count, then in a form body (POST only), then in the path: `/machines/abc/op-deploy` is `POST /machines/abc/?op=deploy`
 * (MAAS 3.3).
 *
 * @param form what the body says, `undefined` where it was not read or is no form
 * @param segments the path's segments in the reading that is meant, by default as MAAS's router splits them
 */
export function resolveOperation(
  method: string,
  path: ApiPath,
  form?: FormOps,
  segments: readonly string[] = splitSegments(path),
): Operation {
  const suffix = suffixOp(path, segments);
  const op = opValues(queryText(path)).at(-1) || (method === 'POST' ? form?.ops.at(-1) : '') || suffix;
  return { method, segments: suffix === undefined ? segments : segments.slice(0, -1), op: op || undefined };
}

/**
 * Says whether a request's operation is written so that two readers could differ: different names in different places, `;`
 * as a separator, which some take for `&`, or a form that is not written as forms usually are.
 */
export function findAmbiguity(method: string, path: ApiPath, form?: FormOps): Ambiguity | undefined {
  const query = queryText(path);
  if (hidesOp(query)) return 'semicolon';
  const read = method === 'POST' ? form : undefined;
  if (read?.isDoubtful === true) return 'unreadable-body';
  const named = [...opValues(query), ...(read?.ops ?? [])].filter((name) => name !== '');
  const suffix = suffixOp(path, splitSegments(path));
  if (suffix !== undefined) named.push(suffix);
  return new Set(named).size > 1 ? 'several-ops' : undefined;
}

/** The segments as a router splits them that works on the decoded path: `%2F` separates too. */
export function splitSegments({ segments }: ApiPath): readonly string[] {
  return hasEncodedSlash(segments)
    ? segments.flatMap((segment) => segment.split('/')).filter((segment) => segment !== '')
    : segments;
}

/** Whether a segment holds a slash, so that the path can be split in two ways. */
export function hasEncodedSlash(segments: readonly string[]): boolean {
  return segments.some((segment) => segment.includes('/'));
}

/** Plain creates that read form fields alone, as operations with an `op` do. */
const plainFormReaders = /^account\/prefs\/ss[hl]keys$/;

/**
 * Whether MAAS reads a POST's body as a form and nothing else, so that it would silently ignore JSON: all operations with
 * an `op`, and the two creates above. Other creates and updates take JSON.
 */
export function readsFormOnly(path: ApiPath): boolean {
  const { op, segments } = resolveOperation('POST', path);
  return op !== undefined || plainFormReaders.test(segments.join('/'));
}

/**
 * The values of every `op` in a query without its question mark, in their order. One without "=" counts, as an empty one
 * (Python's `parse_qsl` with `keep_blank_values`, which Django uses). Forms are larger: form.ts reads them.
 */
export function opValues(pairs: string): string[] {
  return Array.from(pairs.matchAll(opPair), ([, value]) => (value === undefined ? '' : decodeFormName(value)));
}

/** A pair whose name is `op` once it is percent-decoded. */
const opPair = /(?<=^|&)(?:o|%6[fF])(?:p|%70)(?:=([^&]*))?(?=&|$)/g;

/** Whether an `op` stands behind a `;`, where only some readers see it. */
export function hidesOp(pairs: string): boolean {
  return pairs.includes(';') && opValues(pairs.replaceAll(';', '&')).length > opValues(pairs).length;
}

function queryText({ query }: ApiPath): string {
  return query.slice(1);
}

/** The operation of a path suffix. With a slash behind it MAAS takes `op-deploy/` for a name (3.7.3, seen: 404). */
function suffixOp(path: ApiPath, split: readonly string[]): string | undefined {
  if (path.path.endsWith('/') || path.segments.at(-1)?.endsWith('/') === true) return undefined;
  const last = split.at(-1);
  return split.length > 1 && last?.startsWith('op-') === true ? last.slice(3) : undefined;
}

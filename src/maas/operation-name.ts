import { decodeFormName, type ApiPath } from './api-path.ts';

/**
 * The `op` of a request as its address says it: in the query (the last one wins, an empty one does not count), else as
 * a path suffix (`/machines/abc/op-deploy`). A form body may name it too; MAAS looks there between the two.
 *
 * @returns the name, or `undefined` for a plain create, read, update or delete
 */
export function operationName({ query, segments }: ApiPath): string | undefined {
  let name = '';
  if (query.length > 1) {
    for (const pair of query.slice(1).split('&')) {
      const equals = pair.indexOf('=');
      if (equals !== -1 && decodeFormName(pair.slice(0, equals)) === 'op')
        name = decodeFormName(pair.slice(equals + 1));
    }
  }
  return name || suffixOperation(segments);
}

/** The operation that a path suffix names: `/machines/abc/op-deploy` is `POST /machines/abc/?op=deploy` (MAAS 3.3). */
export function suffixOperation(segments: readonly string[]): string | undefined {
  const last = segments.at(-1);
  return segments.length > 1 && last?.startsWith('op-') === true ? last.slice(3) : undefined;
}

/** Plain creates that read form fields alone, as operations with an `op` do. */
const plainFormReaders = /^account\/prefs\/ss[hl]keys$/;

/**
 * Whether MAAS reads a POST's body as a form and nothing else, so that it would silently ignore JSON: all operations with
 * an `op`, and the two creates above. Other creates and updates take JSON.
 */
export function readsFormOnly(path: ApiPath): boolean {
  return operationName(path) !== undefined || plainFormReaders.test(path.segments.join('/'));
}

// Every operation of two MAAS releases, as `METHOD path [op]` with the path below /MAAS/api/2.0/.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** One operation, with made-up values in the place of the path's `{names}`. */
export interface ListedOperation {
  readonly method: string;
  /** As the list has it: `machines/{system_id}/`. */
  readonly pattern: string;
  /** Decoded: `['machines', 'x4y8q2']`. */
  readonly segments: readonly string[];
  /** Below the API's root, with its slash at the end where MAAS has one: `/machines/x4y8q2/`. */
  readonly path: string;
  readonly op: string | undefined;
}

/** The list by release, as long as in MAAS: an operation that is there with and without a signature stands in it twice. */
export const operations: Readonly<Record<'3.7.3' | 'main-2026-08', readonly ListedOperation[]>> = (() => {
  const lists = JSON.parse(readFileSync(resolve('test/data/maas-operations.json'), 'utf8')) as Record<string, string[]>;
  const read = (release: string): ListedOperation[] => (lists[release] ?? []).map(readOperation);
  return { '3.7.3': read('3.7.3'), 'main-2026-08': read('main-2026-08') };
})();

/** Each operation of both releases once. */
export const allOperations: readonly ListedOperation[] = [
  ...new Map(Object.values(operations).flatMap((list) => list.map((one) => [nameOf(one), one] as const))).values(),
];

/** `GET machines/{system_id}/ details`. */
export function nameOf({ method, pattern, op }: ListedOperation): string {
  return [method, pattern, op].filter((part) => part !== undefined).join(' ');
}

function readOperation(line: string): ListedOperation {
  const [method = '', pattern = '', op] = line.split(' ');
  const path = `/${pattern.replaceAll('[s]?', '').replaceAll(/\{\w+\}/g, 'x4y8q2')}`;
  return { method, pattern, op, path, segments: path.split('/').filter((segment) => segment !== '') };
}

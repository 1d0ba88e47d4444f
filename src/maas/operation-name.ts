import type { Operation } from './operation.ts';
import { operationTable } from './operation-table.ts';

/** A place in the tree of MAAS's paths. */
interface Place {
  readonly literal: Map<string, Place>;
  /** Where `{names}` lead to, any one segment. */
  any: Place | undefined;
  /** The names of the operations here, by method and op. */
  readonly names: Map<string, Map<string, string>>;
}

/** What an operation is called of which nothing is known. */
export const unknownOperation = 'other';

const root = emptyPlace();
for (const entry of operationTable.trim().split(/\n(?! )/)) plant(entry);

/**
 * The name of an operation as MAAS's documentation has it: `POST machines/{system_id} deploy`. There are as many names as MAAS
 * has operations, so they may be labels; whatever else a client makes up is `other`.
 */
export function operationName({ method, segments, op }: Operation): string {
  let place: Place | undefined = root;
  for (const segment of segments) {
    place = place.literal.get(segment) ?? place.any;
    if (place === undefined) return unknownOperation;
  }
  return place.names.get(method)?.get(op ?? '-') ?? unknownOperation;
}

function plant(entry: string): void {
  const [path = '', ...words] = entry.split(/\s+/);
  const shown = path.replaceAll('[s]?', '');
  const forms = path.includes('[s]?') ? [shown, path.replaceAll('[s]?', 's')] : [path];
  for (const form of forms) {
    const { names } = placeOf(form);
    let method = '';
    for (const word of words) {
      if (/^[A-Z]+$/.test(word)) {
        method = word;
        // The op may stand in a form that nobody had to read.
        names.set(method, new Map(method === 'POST' ? [['-', `POST ${shown}`]] : []));
      } else {
        names.get(method)?.set(word, word === '-' ? `${method} ${shown}` : `${method} ${shown} ${word}`);
      }
    }
  }
}

function placeOf(path: string): Place {
  let place = root;
  for (const segment of path.split('/')) {
    if (segment.startsWith('{')) {
      place.any ??= emptyPlace();
      place = place.any;
    } else {
      const next = place.literal.get(segment) ?? emptyPlace();
      place.literal.set(segment, next);
      place = next;
    }
  }
  return place;
}

function emptyPlace(): Place {
  return { literal: new Map(), any: undefined, names: new Map() };
}

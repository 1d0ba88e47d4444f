import type { ApiPath } from '../api-path.ts';
import { hasNoTrailingSlash } from '../api-path.ts';
import { operationTable, wideIdentifiers } from './operation-table.ts';

/** An operation that MAAS is known to have. */
export interface KnownOperation {
  readonly method: string;
  /** As MAAS's documentation has them: `['machines', '{system_id}']`. */
  readonly segments: readonly string[];
  readonly op: string | undefined;
  /** Whether the last of the segments is an identifier that may hold slashes. */
  readonly isWide: boolean;
  /** `POST machines/{system_id} deploy`. */
  readonly name: string;
}

/** One way to read a path. */
export interface Reading {
  /**
   * What MAAS's router makes of the path, each identifier in one piece: `['subnets', '10.0.0.0/24']`. Where it knows no such path,
   * the path's segments.
   */
  readonly segments: readonly string[];
  /** The op that stands behind the path: `machines/abc/op-deploy`. */
  readonly op: string | undefined;
}

/** A place in the tree of MAAS's paths. */
interface RouteNode {
  readonly literal: Map<string, RouteNode>;
  /** Where `{names}` lead to, any one segment. */
  any: RouteNode | undefined;
  /** What MAAS takes for one identifier here, where that may hold slashes. */
  wide: RegExp | undefined;
  /** The words of a segment of which MAAS knows two forms, and where it stands. */
  words: { readonly at: number; readonly forms: readonly string[] } | undefined;
  /** The names of the operations here, by method and op. */
  readonly names: Map<string, Map<string, string>>;
}

const root = emptyNode();
const known: KnownOperation[] = [];
for (const entry of operationTable.trim().split(/\n(?! )/)) plant(entry);

/** Every operation of the table, one after the other; where MAAS knows two words for a segment, one for each. */
export const knownOperations: readonly KnownOperation[] = known;

/**
 * Reads a path as MAAS's router does: percent-decoded first, so that `%2F` separates too, `//` of the request taken for one,
 * and an identifier as long as its route has it (`urls_api.py` of MAAS).
 */
export function readRoute(path: ApiPath): Reading {
  const text = path.segments.join('/');
  const pieces = piecesOf(text);
  const last = pieces.at(-1);
  // With a slash behind it MAAS takes `op-deploy/` for a name (3.7.3, seen: 404).
  const isSuffix = !endsWithSlash(path, text) && pieces.length > 1 && last?.startsWith('op-') === true;
  const op = isSuffix ? last.slice(3) : undefined;
  // Of `scripts/op-x` the routes without a slash at their end make a name.
  const own = isSuffix && !hasNoTrailingSlash(pieces) ? pieces.slice(0, -1) : pieces;
  const segments = joinIdentifier(own);
  return { segments: isRoute(segments) ? segments : joinIdentifier(withoutEmpty(own)), op };
}

/** Another way to read a path, and what in the path makes it one. */
export interface OtherReading extends Reading {
  readonly because: 'encoded-slash' | 'double-slash' | 'op-or-name';
}

/**
 * The other ways in which a path can be read, by a server that takes `%2F` for a part of a name, `//` for two, or an `op-…` at
 * the end of a path for a name where MAAS takes it for an operation, or the other way round. Where one of the last two is known
 * to lead somewhere in MAAS and the other is not, there is no doubt about it.
 */
export function readOtherwise(method: string, path: ApiPath): OtherReading[] {
  const own = readRoute(path);
  const all: OtherReading[] = [];
  const add = (because: OtherReading['because'], pieces: readonly string[], op?: string): void => {
    all.push({ segments: joinIdentifier(pieces), op, because });
  };
  const text = path.segments.join('/');
  const pieces = withoutEmpty(piecesOf(text));
  const last = pieces.at(-1);
  if (hasEncodedSlash(path)) {
    const suffixed = own.op !== undefined && path.segments.at(-1)?.startsWith('op-') === true;
    add('encoded-slash', suffixed ? path.segments.slice(0, -1) : path.segments, own.op);
    add('encoded-slash', own.op === undefined ? pieces : pieces.slice(0, -1), own.op);
  }
  if (path.path.includes('//')) {
    const apart = piecesOf(decodeURIComponent(path.path).replace(/^\/|\/$/g, ''));
    if (isRoute(joinIdentifier(apart))) add('double-slash', apart);
  }
  if (pieces.length > 1 && last?.startsWith('op-') === true) {
    const named = { segments: joinIdentifier(pieces.slice(0, -1)), op: last.slice(3) };
    if (!endsWithSlash(path, text)) {
      if (isRoute(joinIdentifier(pieces)) && !hasOperation({ method, ...own })) add('op-or-name', pieces);
    } else if (!isRoute(own.segments) || hasOperation({ method, ...named })) {
      all.push({ ...named, because: 'op-or-name' });
    }
  }
  return all;
}

/**
 * The ways in which a rule may write a path that was read: as it is; with the parts of an identifier as segments of their own,
 * `files/a/b`; and with either word where MAAS knows two, `partition` and `partitions`.
 */
export function spellings(segments: readonly string[]): readonly (readonly string[])[] {
  const words = findNode(segments)?.words;
  const forms = words?.forms.map((form) => segments.map((segment, at) => (at === words.at ? form : segment)));
  const all = forms ?? [segments];
  if (!endsWithWide(segments)) return all;
  return [...all, withoutEmpty(segments.join('/').split('/'))];
}

/** Whether a segment holds a slash, so that the path can be split in two ways. */
export function hasEncodedSlash({ segments }: ApiPath): boolean {
  return segments.some((segment) => segment.includes('/'));
}

/** The name of the operation of a path that was read; `undefined` where MAAS is known to have none such. */
export function nameOf(method: string, segments: readonly string[], op: string | undefined): string | undefined {
  return findNode(segments)
    ?.names.get(method)
    ?.get(op ?? '-');
}

function hasOperation({ method, segments, op }: Reading & { readonly method: string }): boolean {
  return nameOf(method, segments, op) !== undefined;
}

function isRoute(segments: readonly string[]): boolean {
  return (findNode(segments)?.names.size ?? 0) > 0;
}

function endsWithSlash({ path }: ApiPath, text: string): boolean {
  return path.endsWith('/') || text.endsWith('/');
}

function piecesOf(text: string): string[] {
  return text === '' ? [] : text.split('/');
}

function withoutEmpty(pieces: readonly string[]): readonly string[] {
  return pieces.includes('') ? pieces.filter((piece) => piece !== '') : pieces;
}

function findNode(segments: readonly string[]): RouteNode | undefined {
  let place: RouteNode | undefined = root;
  for (const segment of segments) {
    place = place.literal.get(segment) ?? (segment === '' ? undefined : place.any);
    if (place === undefined) return undefined;
  }
  return place;
}

/** Makes one segment of the pieces of an identifier that MAAS lets hold slashes; it is always the path's last. */
function joinIdentifier(pieces: readonly string[]): readonly string[] {
  let place: RouteNode | undefined = root;
  for (const [at, piece] of pieces.entries()) {
    if (place?.wide !== undefined) {
      const rest = pieces.slice(at).join('/');
      return place.wide.test(rest) ? [...pieces.slice(0, at), rest] : pieces;
    }
    place = place?.literal.get(piece) ?? place?.any;
  }
  return pieces;
}

function endsWithWide(segments: readonly string[]): boolean {
  return segments.at(-1)?.includes('/') === true && findNode(segments.slice(0, -1))?.wide !== undefined;
}

function plant(entry: string): void {
  const [written = '', ...words] = entry.split(/\s+/);
  const path = written.replaceAll('{+', '{');
  const shown = path.replaceAll('[s]?', '');
  const forms = path.includes('[s]?') ? [shown, path.replaceAll('[s]?', 's')] : [path];
  const wide = wideIdentifiers[written];
  for (const form of forms) plantForm(form, shown, words, forms, wide !== undefined);
  if (wide !== undefined) nodeAt(path.replace(/\/[^/]+$/, '')).wide = wide;
}

function plantForm(
  form: string,
  shown: string,
  words: readonly string[],
  forms: readonly string[],
  isWide: boolean,
): void {
  const place = nodeAt(form);
  const { names } = place;
  if (forms.length > 1) {
    const [first = [], second = []] = forms.map((one) => one.split('/'));
    const at = first.findIndex((word, index) => word !== second[index]);
    place.words = { at, forms: [first[at] ?? '', second[at] ?? ''] };
  }
  let method = '';
  for (const word of words) {
    if (/^[A-Z]+$/.test(word)) {
      method = word;
      // The op may stand in a form that nobody had to read.
      names.set(method, new Map(method === 'POST' ? [['-', `POST ${shown}`]] : []));
      continue;
    }
    const op = word === '-' ? undefined : word;
    const name = op === undefined ? `${method} ${shown}` : `${method} ${shown} ${op}`;
    names.get(method)?.set(word, name);
    known.push({ method, segments: form.split('/'), op, isWide, name });
  }
}

function nodeAt(path: string): RouteNode {
  let place = root;
  for (const segment of path.split('/')) {
    if (segment.startsWith('{')) {
      place.any ??= emptyNode();
      place = place.any;
    } else {
      const next = place.literal.get(segment) ?? emptyNode();
      place.literal.set(segment, next);
      place = next;
    }
  }
  return place;
}

function emptyNode(): RouteNode {
  return { literal: new Map(), any: undefined, wide: undefined, words: undefined, names: new Map() };
}

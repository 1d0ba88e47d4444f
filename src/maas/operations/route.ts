import type { ApiPath } from '../api-path.ts';
import { hasNoTrailingSlash } from '../api-path.ts';
import { operationTable, wideIdentifiers } from './operation-table.ts';

/** An operation that MAAS is known to have. */
export interface KnownOperation {
  readonly method: string;
  /** As in MAAS's documentation: `['machines', '{system_id}']`. */
  readonly segments: readonly string[];
  readonly op: string | undefined;
  /** Whether the last segment is an identifier that may contain slashes. */
  readonly isWide: boolean;
  /** `POST machines/{system_id} deploy`. */
  readonly name: string;
}

/** One way to read a path. */
export interface Reading {
  /**
   * The path as MAAS's router reads it, each identifier in one piece: `['subnets', '10.0.0.0/24']`. For an unknown
   * path, its plain segments.
   */
  readonly segments: readonly string[];
  /** The op at the end of the path: `machines/abc/op-deploy`. */
  readonly op: string | undefined;
}

/** A node in the tree of MAAS's paths. */
interface RouteNode {
  readonly literal: Map<string, RouteNode>;
  /** The child for `{names}`, which match any one segment. */
  any: RouteNode | undefined;
  /** The identifiers that MAAS accepts here, if they may contain slashes. */
  wide: RegExp | undefined;
  /** The two forms of a segment that MAAS accepts, and its index. */
  words: { readonly at: number; readonly forms: readonly string[] } | undefined;
  /** The names of the operations of this path, by method and op. */
  readonly names: Map<string, Map<string, string>>;
}

const root = emptyNode();
const known: KnownOperation[] = [];
for (const entry of operationTable.trim().split(/\n(?! )/)) plant(entry);

/** Every operation of the table; if MAAS accepts two words for a segment, one entry for each. */
export const knownOperations: readonly KnownOperation[] = known;

/**
 * Reads a path as MAAS's router does: it is percent-decoded first, so that `%2F` separates too, `//` counts as one
 * slash, and an identifier is as long as its route allows (`urls_api.py` of MAAS).
 */
export function readRoute(path: ApiPath): Reading {
  const text = path.segments.join('/');
  const pieces = piecesOf(text);
  const last = pieces.at(-1);
  // With a trailing slash MAAS takes `op-deploy/` for a name (3.7.3, seen: 404).
  const isSuffix = !endsWithSlash(path, text) && pieces.length > 1 && last?.startsWith('op-') === true;
  const op = isSuffix ? last.slice(3) : undefined;
  // Routes without a trailing slash take the `op-x` of `scripts/op-x` for a name.
  const own = isSuffix && !hasNoTrailingSlash(pieces) ? pieces.slice(0, -1) : pieces;
  const segments = joinIdentifier(own);
  return { segments: isRoute(segments) ? segments : joinIdentifier(withoutEmpty(own)), op };
}

/** Another way to read a path, and the reason. */
export interface OtherReading extends Reading {
  readonly because: 'encoded-slash' | 'double-slash' | 'op-or-name';
}

/**
 * The other ways in which a path can be read, by a server that takes `%2F` for a part of a name, `//` for two slashes,
 * or a final `op-…` for a name if MAAS takes it for an operation, or vice versa. If only one of the last two readings
 * is an operation of MAAS's, the path is not ambiguous.
 */
export function readOtherwise(method: string, path: ApiPath): readonly OtherReading[] {
  // Of nearly all paths there is one reading.
  if (!path.path.includes('%') && !path.path.includes('//') && !path.path.includes('/op-')) return [];
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
 * The ways in which a rule may write a path: as it is; with the parts of an identifier as separate segments,
 * `files/a/b`; and with either word if MAAS accepts two, `partition` and `partitions`.
 */
export function spellings(segments: readonly string[]): readonly (readonly string[])[] {
  const words = findNode(segments)?.words;
  const forms = words?.forms.map((form) => segments.map((segment, at) => (at === words.at ? form : segment)));
  const all = forms ?? [segments];
  if (!endsWithWide(segments)) return all;
  return [...all, withoutEmpty(segments.join('/').split('/'))];
}

/** Whether a segment contains a slash, so that the path can be split in two ways. */
export function hasEncodedSlash({ segments }: ApiPath): boolean {
  return segments.some((segment) => segment.includes('/'));
}

/** The name of the operation of a path; `undefined` if MAAS is not known to have one. */
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
  let node: RouteNode | undefined = root;
  for (const segment of segments) {
    node = node.literal.get(segment) ?? (segment === '' ? undefined : node.any);
    if (node === undefined) return undefined;
  }
  return node;
}

/** Joins the pieces of an identifier that may contain slashes to one segment; it is always the path's last. */
function joinIdentifier(pieces: readonly string[]): readonly string[] {
  let node: RouteNode | undefined = root;
  for (const [at, piece] of pieces.entries()) {
    if (node?.wide !== undefined) {
      const identifier = pieces.slice(at).join('/');
      return node.wide.test(identifier) ? [...pieces.slice(0, at), identifier] : pieces;
    }
    node = node?.literal.get(piece) ?? node?.any;
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
  const node = nodeAt(form);
  const { names } = node;
  if (forms.length > 1) {
    const [first = [], second = []] = forms.map((one) => one.split('/'));
    const at = first.findIndex((word, index) => word !== second[index]);
    node.words = { at, forms: [first[at] ?? '', second[at] ?? ''] };
  }
  let method = '';
  for (const word of words) {
    if (/^[A-Z]+$/.test(word)) {
      method = word;
      // The op may be in a form that did not have to be read.
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
  let node = root;
  for (const segment of path.split('/')) {
    if (segment.startsWith('{')) {
      node.any ??= emptyNode();
      node = node.any;
    } else {
      const next = node.literal.get(segment) ?? emptyNode();
      node.literal.set(segment, next);
      node = next;
    }
  }
  return node;
}

function emptyNode(): RouteNode {
  return { literal: new Map(), any: undefined, wide: undefined, words: undefined, names: new Map() };
}

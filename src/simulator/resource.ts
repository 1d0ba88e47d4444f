// How a resource of the API is declared: a path, and a function for each (method, op).
import type { Hash } from 'node:crypto';
import { raised, Refusal, type SimulatedResponse } from './response.ts';
import type { Accounts, User } from './accounts.ts';
import { last, type Fields } from './fields.ts';
import type { Multipart } from './multipart.ts';
import type { State } from './state.ts';
import type { Version } from './version-facts.ts';

export interface Call {
  /** The values of the path's `{names}`, in order, decoded. */
  params: string[];
  query: Fields;
  /** Form or multipart fields. Operations that read this ignore a JSON body silently, as in MAAS. */
  form: Fields;
  /** Form or JSON fields, for the operations that take both. */
  data: Fields;
  /** The body was JSON. */
  json: boolean;
  files: Multipart['files'];
  bodyLength: number;
  /** Null only in anonymous operations. */
  user: User | null;
  accounts: Accounts;
  state: State;
  version: Version;
  /** Of the complete body, hex. */
  bodySha256: string;
  /** The hash that the resource's `stream` started, updated with the body. */
  upload: Hash | undefined;
}

export type Action = (call: Call) => SimulatedResponse;

/** Operations by `METHOD` (a plain read, create, update or delete) or `METHOD op`. */
export type Actions = Record<string, Action>;

export interface Resource {
  /** The handler's name in `describe/`. */
  name: string;
  /**
   * Below `/MAAS/api/2.0/`; `{name}` is one segment, `{name+}` may contain slashes, `{name:cidr}` the one slash of a
   * CIDR.
   */
  path: string;
  pattern: RegExp;
  actions: Actions;
  /** The operations for requests without a valid signature; if absent, those are `Forbidden`. */
  anonymous: Actions | undefined;
  /** Needs no signature at all. */
  open: boolean;
  /** Reads its body as a stream, so that its size does not matter: returns the hash to update with the body. */
  stream: ((params: string[], state: State) => Hash | undefined) | undefined;
  /** The body limit of MAAS's nginx does not apply. */
  unlimited: boolean;
}

type Options = Partial<Pick<Resource, 'anonymous' | 'open' | 'stream' | 'unlimited'>>;

/** What an identifier may contain (`urls_api.py` of MAAS 3.4 to main); Python's `\w` and `\d` include all scripts. */
const forms: Record<string, string> = { '+': '.+', ':cidr': '[.: _\\p{L}\\p{N}\\-]+(?:/\\p{Nd}{2,3})?' };

export function resource(name: string, path: string, actions: Actions, options: Options = {}): Resource {
  const source = path.replaceAll(/\{\w+([^}]*)\}/g, (_, form: string) => `(${forms[form] ?? '[^/]+'})`);
  const pattern = new RegExp(`^${source}$`, 'u');
  const plain = { anonymous: undefined, open: false, stream: undefined, unlimited: false };
  return { name, path, pattern, actions, ...plain, ...options };
}

/** A resource's path as MAAS's descriptions write it: `subnets/{id}/`. */
export const documented = ({ path }: Resource): string => path.replaceAll(/\{(\w+)[^}]*\}/g, '{$1}');

/** Only for superusers (MAAS 3.7.3, seen: 403 with this text). */
export const adminOnly =
  (action: Action): Action =>
  (call) => {
    if (!call.user?.superuser) throw new Refusal(raised(403, 'This method is reserved for admin users.'));
    return action(call);
  };

export const param = (call: Call, index = 0): string => call.params[index] ?? '';

/** A required field. */
export function mandatory(fields: Fields, name: string): string {
  const value = last(fields, name);
  if (!value) throw new Refusal(raised(400, `No provided ${name}!`));
  return value;
}

/** The HTTP methods of a set of operations, in the order of MAAS's Allow header (MAAS 3.7.3, seen: `GET, POST`). */
export function methods(actions: Actions): string[] {
  const known = new Set(Object.keys(actions).map((key) => key.split(' ')[0]));
  return ['GET', 'POST', 'PUT', 'DELETE'].filter((method) => known.has(method));
}

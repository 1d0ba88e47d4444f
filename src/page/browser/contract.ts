// The JSON that the proxy sends to the page, under /-/.

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'form';
  /** MAAS's word for it: `string`, `int`, `boolean`, `json` … */
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

/** An operation of MAAS's API, and whether this client may do it. */
export interface Operation {
  /** As logs and policies name it: `POST machines/{system_id} deploy`. */
  readonly name: string;
  readonly method: string;
  /** Below the API's root: `machines/{system_id}/`. */
  readonly path: string;
  readonly op: string | null;
  readonly class: 'shareable' | 'private' | 'unsafe';
  readonly summary: string;
  /** MAAS's own text; empty if there is none. */
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly allowed: boolean;
  /** The rule that decides; `null` if none matches. */
  readonly rule: string | null;
}

/** `/-/operations` */
export interface Operations {
  readonly operations: readonly Operation[];
  /** Operations that MAAS describes and the proxy does not know. */
  readonly unknown: readonly string[];
}

/** `/-/me` */
export interface Me {
  readonly maas: { readonly url: string; readonly version: string | null };
  /** The user of the MAAS key that signs; `null` if MAAS does not say. */
  readonly user: { readonly name: string; readonly administrator: boolean } | null;
  readonly policy: string;
  /** The name of this client, in a gateway. */
  readonly client: string | null;
  readonly version: string;
}

/** A request that has ended, in `/-/requests`. */
export interface RequestEntry {
  readonly requestId: string;
  /** ISO 8601. */
  readonly time: string;
  readonly client?: string | undefined;
  /** The client's address; only on the operator's page. */
  readonly peer?: string | undefined;
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly waitMs?: number | undefined;
  readonly maasMs?: number | undefined;
  readonly reuse?: 'collapsed' | 'hit' | undefined;
  readonly code?: string | undefined;
  readonly title?: string | undefined;
  readonly detail?: string | undefined;
  /** The problem's cause, as in the log; only on the operator's page. */
  readonly cause?: string | undefined;
}

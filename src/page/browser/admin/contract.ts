// The JSON that the admin listener sends to the operator's page, in /-/state and /-/live.
import type { RequestEntry } from '../contract.ts';

/** The state of the proxy and of MAAS at one moment; `null` for unknown values. */
export interface ProxyState {
  /** ISO 8601. */
  readonly time: string;
  readonly version: string;
  /** s. */
  readonly uptime: number;
  readonly ready: boolean | null;
  readonly reasons: readonly string[];
  /** When MAAS last responded, ISO 8601. */
  readonly lastResponse: string | null;
  /** The region controllers, if there are several. */
  readonly regions: readonly { readonly region: string; readonly isUp: boolean; readonly reason: string | null }[];
  readonly inFlight: number;
  readonly queued: number;
  readonly connections: number;
  /** By how many seconds MAAS's clock is ahead. */
  readonly clockOffset: number;
  readonly isRedisUp: boolean | null;
  readonly recent: {
    /** Requests per second. */
    readonly rate: number | null;
    readonly refused: number | null;
    readonly failed: number | null;
    /** ms. */
    readonly p50: number | null;
    readonly p99: number | null;
    /** Shares, 0 to 1. */
    readonly collapsed: number | null;
    readonly cached: number | null;
  };
  readonly problems: readonly { readonly code: string; readonly title: string; readonly count: number }[];
  readonly brokenFiles: readonly { readonly file: string; readonly reason: string }[];
  readonly endings: readonly { readonly what: string; readonly name: string; readonly endsAt: string }[];
}

/** One event of `/-/live`. */
export interface LiveEvent {
  readonly state: ProxyState;
  readonly requests: readonly RequestEntry[];
  /** How many more requests have ended. */
  readonly left: number;
}

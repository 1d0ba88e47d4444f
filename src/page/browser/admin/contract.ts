// The JSON that the admin listener sends to the operator's page, in /-/state and /-/live: one type for both sides.
import type { RequestEntry } from '../contract.ts';

/** The state of the proxy and of MAAS at one moment; `null` for unknown values. */
export interface ProxyState {
  /** ISO 8601. */
  readonly time: string;
  readonly version: string;
  /** For how long the process has run, s. */
  readonly uptime: number;
  readonly ready: boolean | null;
  readonly reasons: readonly string[];
  /** When MAAS last responded, ISO 8601. */
  readonly lastResponse: string | null;
  /** The region controllers, if there are several. */
  readonly regions: readonly { readonly region: string; readonly isUp: boolean; readonly reason: string | null }[];
  /** Requests at MAAS, and those that wait in the queue in front of it. */
  readonly inFlight: number;
  readonly queued: number;
  /** Open connections of clients. */
  readonly connections: number;
  /** By how many seconds MAAS's clock is ahead. */
  readonly clockOffset: number;
  readonly isRedisUp: boolean | null;
  readonly recent: RecentRequests;
  /** How many requests had each problem since the start, the most frequent first. */
  readonly problems: readonly { readonly code: string; readonly title: string; readonly count: number }[];
  /** Files that were changed and could not be reloaded. */
  readonly brokenFiles: readonly { readonly file: string; readonly reason: string }[];
  /** Certificates and clients' keys, in the order of their expiry. */
  readonly endings: readonly Ending[];
}

/** A summary of the requests of the last seconds; a value is `null` if there is nothing to compute it from. */
export interface RecentRequests {
  /** Requests per second that ended. */
  readonly rate: number | null;
  /** Those with a status from 400 to 499, and from 500 on. */
  readonly refused: number | null;
  readonly failed: number | null;
  /** The median and the 99th percentile of the durations, ms. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** The shares of requests that were collapsed, and that were served from the cache: 0 to 1. */
  readonly collapsed: number | null;
  readonly cached: number | null;
}

/** A certificate or key that expires. */
export interface Ending {
  readonly what: 'certificate' | 'key';
  readonly name: string;
  /** ISO 8601. */
  readonly endsAt: string;
}

/** One event of `/-/live`, once a second. */
export interface LiveEvent {
  readonly state: ProxyState;
  /** The requests that have ended since the last event, the oldest first. */
  readonly requests: readonly RequestEntry[];
  /** How many more have ended, beyond those in `requests`. */
  readonly left: number;
}

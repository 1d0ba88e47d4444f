import type { AccessLogEntry } from '../../access-log/access-log.ts';

/** A summary of the requests of the last seconds. */
export interface RecentRequests {
  /** Requests per second that ended. */
  readonly rate: number;
  /** Those with a status from 400 to 499, and from 500 on. */
  readonly refused: number;
  readonly failed: number;
  /** The median and the 99th percentile of the durations, ms; `null` if there were no requests. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** The shares of requests that were collapsed, and that were served from the cache: 0 to 1. */
  readonly collapsed: number;
  readonly cached: number;
}

/** For how many seconds a request counts: few enough to show a change soon, enough to show a curve at low load. */
const seconds = 10;

/** How many durations are stored for each second. */
const mostDurations = 1_000;

interface Second {
  requests: number;
  refused: number;
  failed: number;
  collapsed: number;
  cached: number;
  readonly durations: number[];
}

/** Counts the requests of the last seconds. */
export interface RecentCounter {
  add(entry: Pick<AccessLogEntry, 'status' | 'ms' | 'reuse'>): void;
  /** The summary of the last seconds. */
  peek(): RecentRequests;
  /** Begins the next second. @returns the summary of the last ones */
  tick(): RecentRequests;
}

/** Creates an empty counter. */
export function countRecent(): RecentCounter {
  let current = emptySecond();
  const past: Second[] = [];
  return {
    peek: () => summarise(past),
    add({ status, ms, reuse }) {
      current.requests += 1;
      if (status >= 500) current.failed += 1;
      else if (status >= 400) current.refused += 1;
      if (reuse === 'collapsed') current.collapsed += 1;
      else if (reuse === 'hit') current.cached += 1;
      if (current.durations.length < mostDurations) current.durations.push(ms);
      // Above the bound, a random one is replaced.
      else current.durations[Math.floor(Math.random() * mostDurations)] = ms;
    },
    tick() {
      past.push(current);
      if (past.length > seconds) past.shift();
      current = emptySecond();
      return summarise(past);
    },
  };
}

function emptySecond(): Second {
  return { requests: 0, refused: 0, failed: 0, collapsed: 0, cached: 0, durations: [] };
}

function summarise(past: readonly Second[]): RecentRequests {
  const sum = (count: (second: Second) => number): number => past.reduce((total, second) => total + count(second), 0);
  const length = Math.max(1, past.length);
  const requests = sum((second) => second.requests);
  const durations = Float64Array.from(past.flatMap((second) => second.durations)).toSorted();
  return {
    rate: requests / length,
    refused: sum((second) => second.refused) / length,
    failed: sum((second) => second.failed) / length,
    p50: quantile(durations, 0.5),
    p99: quantile(durations, 0.99),
    collapsed: requests === 0 ? 0 : sum((second) => second.collapsed) / requests,
    cached: requests === 0 ? 0 : sum((second) => second.cached) / requests,
  };
}

/** The smallest value that this share of the values does not exceed. */
function quantile(sorted: Float64Array, share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

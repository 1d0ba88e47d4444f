import type { AccessLogEntry } from '../../access-log/access-log.ts';

/** What the requests of the last seconds were like. */
export interface RecentRequests {
  /** Requests per second that ended. */
  readonly rate: number;
  /** Of those, with a status from 400 to 499, and from 500 on. */
  readonly refused: number;
  readonly failed: number;
  /** Half of the requests, and all but one in a hundred, took at most so long, ms; `null` where there were none. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** Which share of the requests got another request's response, or was served from the cache: 0 to 1. */
  readonly collapsed: number;
  readonly cached: number;
}

/** For how many seconds a request counts: so few that a change shows at once, so many that a quiet proxy has a curve. */
const seconds = 10;

/** How many durations are kept of each second. */
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
  /** What the last seconds were like. */
  peek(): RecentRequests;
  /** Begins the next second. @returns what the last ones were like */
  tick(): RecentRequests;
}

/** A counter that starts with none. */
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
      // Of more than that any one may stand for the others.
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

/** The least value that so large a share does not exceed. */
function quantile(sorted: Float64Array, share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

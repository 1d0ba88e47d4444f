import type { AccessLogEntry } from '../../access-log/access-log.ts';
import type { RecentRequests } from '../../page/browser/admin/contract.ts';

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
  const total = (counted: Exclude<keyof Second, 'durations'>): number =>
    past.reduce((sum, second) => sum + second[counted], 0);
  const requests = total('requests');
  const durations = Float64Array.from(past.flatMap((second) => second.durations)).toSorted();
  return {
    rate: ratio(requests, past.length),
    refused: ratio(total('refused'), past.length),
    failed: ratio(total('failed'), past.length),
    p50: quantile(durations, 0.5),
    p99: quantile(durations, 0.99),
    collapsed: ratio(total('collapsed'), requests),
    cached: ratio(total('cached'), requests),
  };
}

function ratio(count: number, of: number): number | null {
  return of === 0 ? null : count / of;
}

/** The smallest value that this share of the values does not exceed. */
function quantile(sorted: Float64Array, share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

import { setTimeout as wait } from 'node:timers/promises';
import { endOf } from '../../clients/client.ts';
import { titleOf, type ProblemCode } from '../../problem.ts';
import { version } from '../../version.ts';
import type { Readiness } from '../admin.ts';
import type { MetricSources } from '../metric-sources.ts';
import type { Metrics } from '../metrics.ts';
import type { Ending, ProxyState, RecentRequests } from '../../page/browser/admin/contract.ts';

/** The sources of the state. */
export interface StateSources {
  readonly sources: MetricSources;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: Pick<Metrics, 'problems'>;
}

/** How many expiries are sent. */
const mostEndings = 20;

/** How often the expiries of keys and certificates are collected, ms: a gateway may have thousands. */
const endingsMs = 10_000;

/** Reads the state of things for the operator's page. */
export function createStateReader({ sources, readiness, metrics }: StateSources): {
  /** @param maxWaitMs how long to wait for MAAS; after that, the state has what was known before */
  read(recent: RecentRequests, maxWaitMs: number): Promise<ProxyState>;
} {
  let found: Readiness | undefined;
  let probing: Promise<void> | undefined;
  let endings: readonly Ending[] = [];
  let endingsUntil = -Infinity;

  async function probe(): Promise<void> {
    try {
      found = await readiness();
    } finally {
      probing = undefined;
    }
  }

  return {
    async read(recent, maxWaitMs) {
      // A probe may take as long as MAAS does; then its result is part of a later state.
      await Promise.race([(probing ??= probe()), wait(maxWaitMs, undefined, { ref: false })]);
      if (performance.now() >= endingsUntil) {
        endings = nextEndings(sources);
        endingsUntil = performance.now() + endingsMs;
      }
      const { inFlight, queued } = sources.queue?.() ?? { inFlight: 0, queued: 0 };
      return {
        time: new Date().toISOString(),
        version,
        uptime: Math.round(process.uptime()),
        ready: found?.ready ?? null,
        reasons: found?.reasons ?? [],
        lastResponse: found?.lastAnswer ?? null,
        regions: (found?.regions ?? []).map(({ region, answers, reason }) => ({
          region,
          isUp: answers,
          reason: reason ?? null,
        })),
        inFlight,
        queued,
        connections: sources.connections?.() ?? 0,
        clockOffset: sources.clockOffset?.() ?? 0,
        isRedisUp: sources.isRedisUp?.() ?? null,
        recent,
        problems: await countProblems(metrics),
        brokenFiles: Array.from(sources.files?.() ?? []).flatMap(({ purpose, lastError }) =>
          lastError === undefined ? [] : [{ file: purpose, reason: lastError }],
        ),
        endings,
      };
    },
  };
}

async function countProblems(metrics: StateSources['metrics']): Promise<ProxyState['problems']> {
  return Array.from(await metrics.problems(), ([code, count]) => ({
    code,
    title: titleOf(code as ProblemCode),
    count,
  })).toSorted((one, other) => other.count - one.count);
}

function nextEndings({ certificates, clientKeys }: MetricSources): readonly Ending[] {
  const ends = [
    ...Array.from(certificates?.() ?? [], ({ certificate: name, expires }) => ({
      what: 'certificate' as const,
      name,
      at: expires * 1000,
    })),
    ...Array.from(clientKeys?.() ?? [], (key) => ({ what: 'key' as const, name: key.name, at: endOf(key) })),
  ];
  return ends
    .filter(({ at }) => Number.isFinite(at))
    .toSorted((one, other) => one.at - other.at)
    .slice(0, mostEndings)
    .map(({ what, name, at }) => ({ what, name, endsAt: new Date(at).toISOString() }));
}

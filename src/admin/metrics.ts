import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { anonymousName } from '../clients/client.ts';
import type { AccessLogEntry } from '../access-log/access-log.ts';
import { version } from '../version.ts';
import { addGauges, type MetricSources } from './metric-sources.ts';
import { processMetrics } from './process-metrics.ts';

/** The metrics for Prometheus. */
export interface Metrics {
  /** Counts a request that has ended. */
  count(recorded: AccessLogEntry): void;
  /** A changed file was broken, and the last good one stays in force. @param file its purpose: `clients`, `policy` … */
  reloadFailed(file: string): void;
  /** So many lines could not be written to the audit file. */
  auditFailed(lines: number): void;
  /** Adds further sources, each at most once. */
  watch(sources: MetricSources): void;
  /** How many requests had which problem since the start. */
  problems(): Promise<ReadonlyMap<string, number>>;
  /** All metrics in Prometheus's text format. */
  text(): Promise<string>;
  /** The format's media type. */
  readonly contentType: string;
}

const prefix = 'maas_auth_proxy_';

/** From a cached response to MAAS's own ceiling of 900 s. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

/** The label of a request without a client. */
const nobody = '-';

/**
 * The metrics of one proxy. Labels have a bounded number of values: operations are MAAS's own, clients those of the
 * clients file, statuses have three digits. A request costs about 2 µs.
 *
 * @param droppedLines how many log lines have been dropped so far
 */
export function createMetrics(droppedLines: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter<Label>({ name: prefix + name, help, labelNames, registers });

  const requests = counter('requests_total', 'Requests that are over, by what was asked, by whom, and the status.', [
    'operation',
    'client',
    'status',
  ]);
  const problems = counter('problems_total', "Requests that did not get MAAS's complete response, by problem code.", [
    'code',
  ]);
  const reused = counter(
    'reused_answers_total',
    "Reads that shared another request's response (joined) or were served from cache (memory).",
    ['how'],
  );
  const retries = counter('retries_total', 'Attempts at MAAS beyond the first of each request.');
  const received = counter('received_bytes_total', 'Bytes of request bodies that came from clients.');
  const sent = counter('sent_bytes_total', 'Bytes of response bodies that were sent to clients.');
  const reloads = counter('config_reload_failures_total', 'Changed files that were broken and not taken over.', [
    'file',
  ]);
  const audit = counter('audit_write_failures_total', 'Lines that could not be written to the audit file.');
  const dropped = counter('log_lines_dropped_total', 'Lines of the log that standard output did not take.');
  let droppedBefore = 0;
  const durations = new Histogram({
    name: `${prefix}request_duration_seconds`,
    help: "How long requests took: in the proxy's queue, at MAAS until its response began, and in total.",
    labelNames: ['phase'],
    buckets,
    registers,
  });
  const waiting = durations.labels('waiting');
  const maas = durations.labels('maas');
  const total = durations.labels('total');
  const build = new Gauge({
    name: `${prefix}build_info`,
    help: 'The version that runs.',
    labelNames: ['version'],
    registers,
  });
  build.set({ version }, 1);
  for (const how of ['joined', 'memory']) reused.inc({ how }, 0);

  const counted = new Set([nobody]);
  let clientKeys: MetricSources['clientKeys'];

  function countDroppedLines(): void {
    const now = droppedLines();
    dropped.inc(now - droppedBefore);
    droppedBefore = now;
  }

  /** Drops the series of removed clients. This scrape still has their last values. */
  async function forgetFormerClients(): Promise<void> {
    if (clientKeys === undefined) return;
    const present = new Set(Array.from(clientKeys(), ({ name }) => name)).add(nobody).add(anonymousName);
    if ([...counted].every((name) => present.has(name))) return;
    const { values } = await requests.get();
    for (const { labels } of values) if (!present.has(String(labels.client))) requests.remove(labels);
    for (const name of counted) if (!present.has(name)) counted.delete(name);
  }

  return {
    contentType: registry.contentType,
    count(recorded) {
      const { operation, status, waitMs, maasMs, retries: repeated, reuse, code } = recorded;
      // A client whose key was refused is not authenticated, so its series do not change.
      const client = code === 'client-unknown' ? nobody : (recorded.client ?? nobody);
      requests.inc({ operation, client, status: String(status) });
      counted.add(client);
      total.observe(recorded.ms / 1000);
      if (waitMs !== undefined) waiting.observe(waitMs / 1000);
      if (maasMs !== undefined) maas.observe(maasMs / 1000);
      if (repeated !== undefined) retries.inc(repeated);
      if (reuse !== undefined) reused.inc({ how: reuse === 'hit' ? 'memory' : 'joined' });
      if (code !== undefined) problems.inc({ code });
      received.inc(recorded.bytesIn);
      sent.inc(recorded.bytesOut);
    },
    reloadFailed: (file) => reloads.inc({ file }),
    auditFailed: (lines) => audit.inc(lines),
    watch(sources) {
      clientKeys ??= sources.clientKeys;
      addGauges(registry, prefix, sources);
    },
    async problems() {
      const { values } = await problems.get();
      return new Map(values.map(({ labels, value }) => [String(labels.code), value]));
    },
    async text() {
      countDroppedLines();
      const text = `${await registry.metrics()}\n${await processMetrics().metrics()}`;
      await forgetFormerClients();
      return text;
    },
  };
}

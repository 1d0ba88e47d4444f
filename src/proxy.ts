import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildAdmin } from './admin/admin.ts';
import type { CertificateEnd } from './admin/metric-sources.ts';
import { createMetrics, type Metrics } from './admin/metrics.ts';
import { createReadiness } from './admin/readiness.ts';
import { buildApp } from './app.ts';
import { keepLastUsed } from './clients/last-used.ts';
import type { Registry } from './clients/registry.ts';
import { whyUnwritable } from './config/files.ts';
import { ConfigurationError, type Configuration } from './config/configuration.ts';
import { SettingError } from './config/values.ts';
import type { Limits } from './inbound/limits.ts';
import { openReplicaState } from './redis/redis.ts';
import { trackConnections } from './server/connections.ts';
import { openAudit, type Audit } from './access-log/audit.ts';
import { createRequestFeed } from './page/request-feed.ts';
import { listenOnPort, listenOnSocket } from './server/listen.ts';
import { ListenError } from './server/listen-error.ts';
import { watchConfiguration, type ReloadedConfiguration } from './reload/configuration.ts';
import type { ReloadEvent, WatchState } from './reload/watcher.ts';
import { createWatchedFiles, type WatchedFiles } from './reload/watched-files.ts';
import type { ReloadedTls } from './reload/tls.ts';
import type { Problem } from './problem.ts';
import type { RegionState } from './upstream/regions/regions.ts';
import type { Upstream } from './upstream/upstream.ts';

/** A proxy that listens. */
export interface Proxy {
  /** Its own address, such as `http://127.0.0.1:8240`, `https://…` or `unix:/run/maas.sock`. */
  readonly url: string;
  /** The admin listener's address, `undefined` where it is off. */
  readonly adminUrl: string | undefined;
  readonly upstream: Upstream;
  /** How the files stand that the proxy keeps to. */
  files(): readonly WatchState[];
  /** Reads those files again, and goes on in a new audit file: what SIGHUP asks for. */
  reload(): Promise<void>;
  /**
   * Stops accepting, finishes what is in flight, and ends.
   *
   * @returns how many requests were cut because `drainTimeout` had passed
   */
  stop(): Promise<number>;
}

/**
 * Starts a proxy and its admin listener.
 *
 * @param adminPortChosen whether the operator has named the admin port; a taken default one is no reason not to start
 * @param droppedLines how many lines of the log were dropped so far
 * @throws {ListenError} when the port is in use, or not to be had
 */
export async function startProxy(
  config: Configuration,
  log: Logger,
  adminPortChosen: boolean,
  droppedLines: () => number = () => 0,
): Promise<Proxy> {
  const metrics = createMetrics(droppedLines);
  const audit = openAuditFile(config, log, metrics);
  const files = createWatchedFiles((event) => reportChange(event, log, metrics));
  const { upstream, policy, registry, tls } = open(config, files, log);
  const stopNoting = noteUses(config.clientsFile, registry, log);
  const sharing = await openReplicaState(config.redis, config.redisFailure, log);
  const feed = config.page ? createRequestFeed() : undefined;
  const records = [metrics.count, audit?.write, feed?.publish].filter((keep) => keep !== undefined);
  const app = buildApp({
    ...config,
    page: feed && { maas: config.regions[0], upstream, feed },
    policy,
    registry,
    nonces: sharing.nonces,
    limits: limitsOf(config),
    limiter: sharing.limiter,
    tls: tls?.options,
    clientAuthorities: tls?.authorities,
    dispatch: upstream.dispatch,
    pseudonym: upstream.pseudonym,
    log,
    records,
  });
  tls?.keep(app.server);
  const connections = trackConnections(app.server);
  metrics.watch({
    queue: () => upstream.queue,
    clockOffset: () => upstream.clock.offset,
    connections: () => connections.count(),
    certificates: () => certificateEnds(upstream, tls),
    ...(config.regions.length > 1 && { regions: () => upstream.regions().map(stateOf) }),
    files: files.states,
    ...(sharing.isRedisUp !== undefined && { isRedisUp: sharing.isRedisUp }),
    ...(registry !== undefined && { clientKeys: () => registry.keys() }),
  });
  const admin = buildAdmin(
    createReadiness(upstream, () => connections.draining),
    metrics,
    { host: config.adminHost, allowedHosts: config.allowedHosts },
  );
  try {
    const url =
      config.socket === undefined
        ? await listenOnPort(app, config.host, config.port, '--port (PORT)')
        : await listenOnSocket(app, config.socket);
    const adminUrl = await listenAdmin(admin, config, log, adminPortChosen);
    return {
      url,
      adminUrl,
      upstream,
      files: files.states,
      reload() {
        audit?.reopen();
        return files.reload();
      },
      async stop() {
        feed?.close();
        const cut = await connections.drain(Math.round(config.drainTimeout * 1000));
        files.close();
        await Promise.all([app.close(), admin.close(), upstream.close(), stopNoting()]);
        await Promise.all([audit?.close(), sharing.close()]);
        return cut;
      },
    };
  } catch (error) {
    files.close();
    await Promise.all([app.close(), admin.close(), upstream.close(), stopNoting()]);
    await Promise.all([audit?.close(), sharing.close()]);
    throw error;
  }
}

function limitsOf(config: Configuration): Limits {
  return {
    all: { perMinute: config.rateLimit, atOnce: config.maxRequests },
    each: { perMinute: config.clientRateLimit, atOnce: config.clientMaxRequests },
  };
}

async function listenAdmin(
  admin: FastifyInstance,
  { adminHost, adminPort }: Configuration,
  log: Logger,
  chosen: boolean,
): Promise<string | undefined> {
  if (adminPort === 'off') return undefined;
  try {
    return await listenOnPort(admin, adminHost, adminPort, '--admin-port (ADMIN_PORT)');
  } catch (error) {
    if (chosen || !(error instanceof ListenError)) throw error;
    log.warn(`There is no admin listener: ${error.message}`);
    return undefined;
  }
}

function openAuditFile({ auditFile: file, memory }: Configuration, log: Logger, metrics: Metrics): Audit | undefined {
  if (file === undefined) return undefined;
  try {
    return openAudit(file, memory.audit, log, metrics.auditFailed);
  } catch (error) {
    throw new ConfigurationError([`--audit-file (AUDIT_FILE) names the file ${file}, ${whyUnwritable(error)}.`]);
  }
}

/** The way to MAAS, and what else is kept to files. */
function open(config: Configuration, files: WatchedFiles, log: Logger): ReloadedConfiguration {
  try {
    return watchConfiguration(config, files, {
      onClockDifference: (offset) => log.warn({ offset }, clockSentence(offset)),
      onRegionChange: (maas, lastError) => reportRegion(log, maas.href, lastError),
    });
  } catch (error) {
    files.close();
    if (error instanceof SettingError) throw new ConfigurationError([`${error.message}.`]);
    throw error;
  }
}

function reportChange({ kind, outcome, text }: ReloadEvent, log: Logger, metrics: Metrics): void {
  if (outcome === 'broken') {
    metrics.reloadFailed(kind);
    log.error({ file: kind }, text);
  } else if (outcome === 'doubtful') log.warn({ file: kind }, text);
  else log.info({ file: kind }, text);
}

/** Writes down when the keys of clients were last used. @returns ends that */
function noteUses(file: string | undefined, registry: Registry | undefined, log: Logger): () => Promise<void> {
  if (file === undefined || registry === undefined) return () => Promise.resolve();
  return keepLastUsed(file, registry, () =>
    log.info(`When keys were last used cannot be written down beside ${file}, so that "keys list" will not tell.`),
  );
}

/** When MAAS's certificates end, and the proxy's own, s since 1970. */
function certificateEnds({ certificates }: Upstream, tls: ReloadedTls | undefined): CertificateEnd[] {
  const ends = Array.from(certificates, ([certificate, expires]): CertificateEnd => ({ certificate, expires }));
  return tls === undefined ? ends : [...ends, { certificate: 'listener', expires: tls.certificate().endsAt / 1000 }];
}

function stateOf({ href, lastError }: RegionState): { region: string; isUp: boolean } {
  return { region: href, isUp: lastError === undefined };
}

/** One line when a region begins to rest, and one when it is back: not one for each request that meets it. */
function reportRegion(log: Logger, region: string, lastError: Problem | undefined): void {
  if (lastError === undefined) log.info({ region }, `The region ${region} answers again.`);
  else
    log.warn(
      { region, code: lastError.code },
      `The region ${region} does not answer, and is left alone until it does. ${lastError.message}`,
    );
}

function clockSentence(offset: number): string {
  const side = offset > 0 ? 'ahead of' : 'behind';
  return `MAAS's clock is ${Math.abs(offset)} s ${side} this machine's; signatures allow for it from now on. Set both right, for example with NTP.`;
}

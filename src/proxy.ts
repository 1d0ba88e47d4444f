import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildAdmin } from './admin/admin.ts';
import type { CertificateEnd, MetricSources } from './admin/metric-sources.ts';
import { pageAccess } from './admin/live/access.ts';
import { createLive } from './admin/live/live.ts';
import { createMetrics, type Metrics } from './admin/metrics.ts';
import { createReadiness } from './admin/readiness.ts';
import { buildApp } from './app.ts';
import { saveLastUsed } from './clients/last-used.ts';
import type { Registry } from './clients/registry.ts';
import { whyUnwritable } from './config/files.ts';
import type { Configuration } from './config/configuration.ts';
import { ConfigurationError } from './config/configuration-error.ts';
import { SettingError } from './config/values.ts';
import type { Limits } from './inbound/limits.ts';
import { loadRedisLibrary } from './redis/library.ts';
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

/** A listening proxy. */
export interface Proxy {
  /** Its own address, such as `http://127.0.0.1:8240`, `https://…` or `unix:/run/maas.sock`. */
  readonly url: string;
  /** The admin listener's address; `undefined` if it is off. */
  readonly adminUrl: string | undefined;
  /** Where the operator's page is, `undefined` where there is none. */
  readonly adminPage: string | undefined;
  readonly upstream: Upstream;
  /** The state of the watched files. */
  files(): readonly WatchState[];
  /** Reads the watched files again, and opens the audit file anew: what SIGHUP does. */
  reload(): Promise<void>;
  /**
   * Stops accepting, waits for requests in flight, and closes everything.
   *
   * @returns how many requests were cut off because `drainTimeout` had passed
   */
  stop(): Promise<number>;
}

/**
 * Starts a proxy and its admin listener.
 *
 * @param adminPortChosen whether the operator has set the admin port; if the default port is in use, the proxy starts
 *   without an admin listener
 * @param droppedLines how many log lines have been dropped so far
 * @throws {ListenError} if the port is in use or not available
 * @throws {ConfigurationError} if a Redis is set, and the library that speaks to it is not installed
 */
export async function startProxy(
  config: Configuration,
  log: Logger,
  adminPortChosen: boolean,
  droppedLines: () => number = () => 0,
): Promise<Proxy> {
  // Where it is missing nothing has been opened yet that would have to be closed.
  if (config.redis !== undefined) await loadRedisLibrary(config.wording.redis);
  const metrics = createMetrics(droppedLines);
  const audit = openAuditFile(config, log, metrics);
  const files = createWatchedFiles((event) => reportChange(event, log, metrics));
  const { upstream, policy, registry, tls, adminToken } = open(config, files, log);
  const stopSavingUses = saveUses(config.clientsFile, registry, log);
  const replicaState = await openReplicaState(config.redis, config.redisFailure, log);
  const feed = config.page ? createRequestFeed() : undefined;
  const readiness = createReadiness(upstream, () => connections.draining);
  const sources: MetricSources = {
    queue: () => upstream.queue,
    clockOffset: () => upstream.clock.offset,
    connections: () => connections.count(),
    certificates: () => certificateEnds(upstream, tls),
    ...(config.regions.length > 1 && { regions: () => upstream.regions().map(stateOf) }),
    files: files.states,
    ...(replicaState.isRedisUp !== undefined && { isRedisUp: replicaState.isRedisUp }),
    ...(registry !== undefined && { clientKeys: () => registry.keys() }),
  };
  metrics.watch(sources);
  const live =
    config.adminPort !== 'off' && pageAccess(config) !== 'none'
      ? createLive({ sources, readiness, metrics })
      : undefined;
  const entrySinks = [metrics.count, audit?.write, feed?.publish, live?.publish].filter((sink) => sink !== undefined);
  const app = buildApp({
    ...config,
    page: feed && { maas: config.regions[0], upstream, feed },
    policy,
    registry,
    nonces: replicaState.nonces,
    limits: limitsOf(config),
    limiter: replicaState.limiter,
    tls: tls?.options,
    clientAuthorities: tls?.authorities,
    dispatch: upstream.dispatch,
    pseudonym: upstream.pseudonym,
    log,
    entrySinks,
  });
  tls?.applyTo(app.server);
  const connections = trackConnections(app.server);
  const admin = buildAdmin(
    readiness,
    metrics,
    { host: config.adminHost, allowedHosts: config.allowedHosts },
    live && { live, token: adminToken },
  );
  try {
    const url =
      config.socket === undefined
        ? await listenOnPort(app, config.host, config.port, config.wording.choice('port'))
        : await listenOnSocket(app, config.socket, config.wording.choice('socket'));
    const adminUrl = await listenAdmin(admin, config, log, adminPortChosen);
    return {
      url,
      adminUrl,
      adminPage: live && adminUrl && `${adminUrl}/`,
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
        await Promise.all([app.close(), admin.close(), upstream.close(), stopSavingUses()]);
        await Promise.all([audit?.close(), replicaState.close()]);
        return cut;
      },
    };
  } catch (error) {
    files.close();
    await Promise.all([app.close(), admin.close(), upstream.close(), stopSavingUses()]);
    await Promise.all([audit?.close(), replicaState.close()]);
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
  { adminHost, adminPort, wording }: Configuration,
  log: Logger,
  chosen: boolean,
): Promise<string | undefined> {
  if (adminPort === 'off') return undefined;
  try {
    return await listenOnPort(admin, adminHost, adminPort, wording.choice('adminPort'));
  } catch (error) {
    if (chosen || !(error instanceof ListenError)) throw error;
    log.warn(`There is no admin listener: ${error.message}`);
    return undefined;
  }
}

function openAuditFile(
  { auditFile: file, memory, wording }: Configuration,
  log: Logger,
  metrics: Metrics,
): Audit | undefined {
  if (file === undefined) return undefined;
  try {
    return openAudit(file, memory.audit, log, metrics.auditFailed);
  } catch (error) {
    throw new ConfigurationError([`${wording.names('auditFile')} names the file ${file}, ${whyUnwritable(error)}.`]);
  }
}

/** Creates the upstream, and watches the files of the configuration. */
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

function reportChange({ purpose, outcome, text }: ReloadEvent, log: Logger, metrics: Metrics): void {
  if (outcome === 'broken') {
    metrics.reloadFailed(purpose);
    log.error({ file: purpose }, text);
  } else if (outcome === 'doubtful') log.warn({ file: purpose }, text);
  else log.info({ file: purpose }, text);
}

/** Saves when the keys of clients were last used. @returns stops it */
function saveUses(file: string | undefined, registry: Registry | undefined, log: Logger): () => Promise<void> {
  if (file === undefined || registry === undefined) return () => Promise.resolve();
  return saveLastUsed(file, registry, () =>
    log.info(`When keys were last used cannot be saved beside ${file}, so "keys list" will not show it.`),
  );
}

/** When the certificates of MAAS and of the proxy expire, s since 1970. */
function certificateEnds({ certificates }: Upstream, tls: ReloadedTls | undefined): CertificateEnd[] {
  const ends = Array.from(certificates, ([certificate, expires]): CertificateEnd => ({ certificate, expires }));
  return tls === undefined ? ends : [...ends, { certificate: 'listener', expires: tls.certificate().endsAt / 1000 }];
}

function stateOf({ href, lastError }: RegionState): { region: string; isUp: boolean } {
  return { region: href, isUp: lastError === undefined };
}

/** Logs once when a region is ejected, and once when it is back: not for each request that meets it. */
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

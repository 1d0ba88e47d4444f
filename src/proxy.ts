import { dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildAdmin } from './admin/admin.ts';
import { createMetrics, type Metrics } from './admin/metrics.ts';
import { createReadiness } from './admin/readiness.ts';
import { buildApp } from './app.ts';
import { ClientsError } from './clients/client.ts';
import { readText } from './clients/clients-file.ts';
import { keepLastUsed } from './clients/last-used.ts';
import { createNonces } from './clients/nonces.ts';
import { createRegistry, type Registry } from './clients/registry.ts';
import { watchClients } from './clients/watch-clients.ts';
import { ConfigurationError, type Configuration } from './config/configuration.ts';
import { trackConnections } from './connections.ts';
import { listenOnPort, listenOnSocket } from './listen.ts';
import { ListenError } from './listen-error.ts';
import type { Problem } from './problem.ts';
import { errorCode } from './upstream/failure.ts';
import type { RegionState } from './upstream/regions.ts';
import { createUpstream, type Upstream } from './upstream/upstream.ts';

/** A proxy that listens. */
export interface Proxy {
  /** Its own address, such as `http://127.0.0.1:8240` or `unix:/run/maas.sock`. */
  readonly url: string;
  /** The admin listener's address, `undefined` where it is off. */
  readonly adminUrl: string | undefined;
  readonly upstream: Upstream;
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
 * @throws {ListenError} when the port is in use, or not to be had
 */
export async function startProxy(config: Configuration, log: Logger, adminPortChosen: boolean): Promise<Proxy> {
  const upstream = createUpstream({
    regions: config.regions,
    key: config.key,
    ca: config.ca,
    insecure: config.insecure,
    timeout: config.upstreamTimeout,
    coalesce: config.coalesce,
    onClockDifference: (offset) => log.warn({ offset }, clockSentence(offset)),
    onRegionChange: (maas, trouble) => reportRegion(log, maas.href, trouble),
  });
  const metrics = createMetrics();
  const clients = openClients(config.clientsFile, log, metrics);
  const app = buildApp({
    ...config,
    registry: clients?.registry,
    nonces: createNonces(),
    dispatch: upstream.dispatch,
    log,
    records: [metrics.count],
  });
  const connections = trackConnections(app.server);
  metrics.watch({
    clockOffset: () => upstream.clock.offset,
    connections: () => connections.count(),
    ...(config.regions.length > 1 && { regions: () => upstream.regions().map(stateOf) }),
    ...(clients !== undefined && { clientKeys: () => clients.registry.keys() }),
  });
  const admin = buildAdmin(
    createReadiness(upstream, () => connections.draining),
    metrics,
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
      async stop() {
        const cut = await connections.drain(config.drainTimeout * 1000);
        await Promise.all([app.close(), admin.close(), upstream.close(), clients?.close()]);
        return cut;
      },
    };
  } catch (error) {
    await Promise.all([app.close(), admin.close(), upstream.close(), clients?.close()]);
    throw error;
  }
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

/** The gateway's clients, kept to their file. */
function openClients(
  file: string | undefined,
  log: Logger,
  metrics: Metrics,
): { registry: Registry; close(): Promise<void> } | undefined {
  if (file === undefined) return undefined;
  try {
    const registry = createRegistry(readText(file), dirname(file));
    const stopWatching = watchClients(file, registry, (change) => {
      if ('broken' in change) {
        metrics.reloadFailed('clients');
        log.error(`The clients file ${file} ${change.broken}; the clients from before stay in force.`);
      } else log.info({ clients: change.clients }, `read the clients file ${file} again: ${change.clients} keys`);
    });
    const stopNoting = keepLastUsed(file, registry, () =>
      log.info(`When keys were last used cannot be written down beside ${file}, so that "keys list" will not tell.`),
    );
    return {
      registry,
      close: () => {
        stopWatching();
        return stopNoting();
      },
    };
  } catch (error) {
    if (error instanceof ClientsError) throw new ConfigurationError([`The clients file ${file} ${error.message}.`]);
    throw error;
  }
}

function stateOf({ href, trouble }: RegionState): { region: string; isUp: boolean } {
  return { region: href, isUp: trouble === undefined };
}

/** One line when a region begins to rest, and one when it is back: not one for each request that meets it. */
function reportRegion(log: Logger, region: string, trouble: Problem | undefined): void {
  if (trouble === undefined) log.info({ region }, `The region ${region} answers again.`);
  else
    log.warn(
      { region, code: trouble.code, cause: errorCode(trouble.cause) || undefined },
      `The region ${region} does not answer, and is left alone until it does. ${trouble.message}`,
    );
}

function clockSentence(offset: number): string {
  const side = offset > 0 ? 'ahead of' : 'behind';
  return `MAAS's clock is ${Math.abs(offset)} s ${side} this machine's; signatures allow for it from now on. Set both right, for example with NTP.`;
}

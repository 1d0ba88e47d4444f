import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildAdmin } from './admin/admin.ts';
import { createReadiness } from './admin/readiness.ts';
import { buildApp } from './app.ts';
import type { Configuration } from './config/configuration.ts';
import { trackConnections } from './connections.ts';
import { ListenError } from './listen-error.ts';
import { createUpstream, type Upstream } from './upstream/upstream.ts';

/** A proxy that listens. */
export interface Proxy {
  /** Its own address, such as `http://127.0.0.1:8240`. */
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
    maas: config.maas,
    key: config.key,
    ca: config.ca,
    insecure: config.insecure,
    timeout: config.upstreamTimeout,
    onClockDifference: (offset) => log.warn({ offset }, clockSentence(offset)),
  });
  const app = buildApp({ maas: config.maas, dispatch: upstream.dispatch, jsonToForm: config.jsonToForm, log });
  const connections = trackConnections(app.server);
  const admin = buildAdmin(createReadiness(upstream, () => connections.draining));
  try {
    await listen(app, config.host, config.port, '--port (PORT)');
    const adminUrl = await listenAdmin(admin, config, log, adminPortChosen);
    return {
      url: urlOf(app),
      adminUrl,
      upstream,
      async stop() {
        const cut = await connections.drain(config.drainTimeout * 1000);
        await Promise.all([app.close(), admin.close(), upstream.close()]);
        return cut;
      },
    };
  } catch (error) {
    await Promise.all([app.close(), admin.close(), upstream.close()]);
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
    await listen(admin, adminHost, adminPort, '--admin-port (ADMIN_PORT)');
    return urlOf(admin);
  } catch (error) {
    if (chosen || !(error instanceof ListenError)) throw error;
    log.warn(`There is no admin listener: ${error.message}`);
    return undefined;
  }
}

async function listen(app: FastifyInstance, host: string, port: number, setting: string): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    const place = `${host} port ${port}`;
    switch (code) {
      case 'EADDRINUSE':
        throw new ListenError(`${place} is in use by another program; choose another port with ${setting}.`);
      case 'EACCES':
        throw new ListenError(
          `${place} needs rights that this user does not have; choose a port above 1023 with ${setting}.`,
        );
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        throw new ListenError(`${host} is not an address of this machine; 127.0.0.1 and 0.0.0.0 are.`);
      default:
        throw error;
    }
  }
}

function clockSentence(offset: number): string {
  const side = offset > 0 ? 'ahead of' : 'behind';
  return `MAAS's clock is ${Math.abs(offset)} s ${side} this machine's; signatures allow for it from now on. Set both right, for example with NTP.`;
}

function urlOf(app: FastifyInstance): string {
  const { address, port, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

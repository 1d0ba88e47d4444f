import { homedir } from 'node:os';
import { readConfiguration } from '../config/configuration.ts';
import { startProxy, type Proxy as RunningProxy } from '../proxy.ts';
import { openLibraryLog } from './log.ts';
import type { ProxyOptions } from './options.ts';
import { readOptions } from './read-options.ts';

export { ConfigurationError } from '../config/configuration-error.ts';
export type { LogLevel, ProxyLogger, ProxyOptions } from './options.ts';

/** A proxy in the caller's process. It handles no signals and never ends the process: that is the caller's. */
export interface Proxy {
  /**
   * Starts the proxy. MAAS need not be up yet.
   *
   * @returns the proxy's address, such as `http://127.0.0.1:8240` or `unix:/run/maas.sock`
   * @throws {ConfigurationError} all mistakes in the options, one sentence each
   * @throws {Error} named `ListenError`, if the port or the socket is not available
   */
  listen(): Promise<string>;
  /** The proxy's address while it listens, otherwise `undefined`. */
  readonly url: string | undefined;
  /** The address of the admin listener while it listens, otherwise `undefined`. */
  readonly adminUrl: string | undefined;
  /**
   * Accepts no more connections, finishes the requests in flight within `drainTimeout`, and closes everything, so that
   * the process can end. Without effect on a proxy that has stopped; `listen()` may be called again afterwards.
   *
   * @returns how many requests were cut because `drainTimeout` had passed
   */
  stop(): Promise<number>;
}

/**
 * Creates a proxy that signs requests for a MAAS. Nothing is read or opened before `listen()`.
 *
 * @example
 * const proxy = createProxy({ maasUrl: 'http://maas.example:5240', apiKey: 'consumer:token:secret' });
 * const url = await proxy.listen();
 * const machines = await fetch(`${url}/machines/`);
 * await proxy.stop();
 */
export function createProxy(options: ProxyOptions = {}): Proxy {
  let starting: Promise<RunningProxy> | undefined;
  let running: RunningProxy | undefined;
  let stopping = Promise.resolve(0);
  const begin = (): Promise<RunningProxy> => start(options);

  return {
    async listen() {
      // The port is free once the proxy has stopped.
      starting ??= stopping.then(begin, begin);
      const attempt = starting;
      try {
        const proxy = await attempt;
        if (starting === attempt) running = proxy;
        return proxy.url;
      } catch (error) {
        if (starting === attempt) starting = undefined;
        throw error;
      }
    },
    get url() {
      return running?.url;
    },
    get adminUrl() {
      return running?.adminUrl;
    },
    stop() {
      if (starting !== undefined) {
        // After a failed start there is nothing to stop; `listen()` has rejected with the reason.
        stopping = starting.then(
          (proxy) => proxy.stop(),
          () => 0,
        );
      }
      starting = running = undefined;
      return stopping;
    },
  };
}

async function start(options: ProxyOptions): Promise<RunningProxy> {
  const layers = readOptions(options);
  const config = await readConfiguration(layers, homedir());
  const log = openLibraryLog(options.log);
  const proxy = await startProxy(config, log, layers.found.has('adminPort'));
  for (const warning of config.warnings) log.warn(warning);
  if (config.insecure)
    log.warn("MAAS's certificate is not verified (insecure): any server in MAAS's place gets the API key.");
  return proxy;
}

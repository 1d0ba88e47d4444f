import { homedir } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { readConfiguration, type Configuration } from '../config/configuration.ts';
import { collectByBytes } from '../http/collect-by-bytes.ts';
import { isForPeople, openLog, type Log } from '../access-log/log.ts';
import type { Regions } from '../maas/maas-address.ts';
import { Problem } from '../problem.ts';
import { startProxy, type Proxy } from '../proxy.ts';
import { identify, type Identity } from '../upstream/own-requests/identity.ts';
import { version } from '../version.ts';
import type { Run } from './command.ts';
import { untilStopped } from './until-stopped.ts';

/** The default command: the proxy itself. */
export const serve: Run = async (layers) => {
  // While it starts, V8 need not make room for speed: 8 MB less at rest.
  setFlagsFromString('--optimize-for-size');
  collectByBytes();
  const config = await readConfiguration(layers, homedir());
  const log = await openLog(config);
  const { logger } = log;
  const proxy = await startProxy(config, logger, layers.found.has('adminPort'), log.dropped);
  const stopped = untilStopped(proxy, logger);
  if (isForPeople(config.logFormat)) await greet(config, proxy, log);
  else await report(config, proxy, logger);
  for (const warning of config.warnings) logger.warn(warning);
  setFlagsFromString('--no-optimize-for-size');
  if (config.insecure)
    logger.warn("MAAS's certificate is not verified (--insecure): whoever answers gets the API key.");
  const code = await stopped;
  await log.close();
  return code;
};

/** What a person reads at the start. */
async function greet(config: Configuration, proxy: Proxy, { say }: Log): Promise<void> {
  const { regions, key, keySource, policy, clientsFile } = config;
  say(`maas-auth-proxy ${version}`);
  say();
  // What needs no MAAS first: it may take a while to answer, and the proxy listens.
  say(`  Address   ${proxy.url}`);
  if (proxy.adminUrl !== undefined) say(`  Health    ${proxy.adminUrl}/readyz`);
  say(`  Policy    ${policy.name}`);
  if (clientsFile !== undefined) say(`  Clients   those in ${clientsFile}, and nobody else`);
  const found = await lookAtMaas(proxy);
  const [first, ...more] = describeMaas(regions, proxy, found);
  say(`  MAAS      ${first}`);
  for (const line of more) say(`            ${line}`);
  say(`  API key   ${key}, from ${keySource}: ${'failure' in found ? 'not tried yet' : whose(found)}`);
  say();
  say(`  Try       ${curlCommand(config, proxy.url)}`);
  say();
}

/** MAAS's address and version; where there are several regions, a line for each. */
function describeMaas(regions: Regions, { upstream }: Proxy, found: Identity | { failure: string }): string[] {
  const states = upstream.regions();
  if (states.length === 0) {
    const [{ href }] = regions;
    return [`${href} ${'failure' in found ? found.failure : `(version ${found.version})`}`];
  }
  const lines = states.map(
    ({ href, lastError }) => `${href} ${lastError === undefined ? 'answers' : explainFailure(lastError)}`,
  );
  return 'failure' in found ? lines : [`version ${found.version}, ${states.length} regions:`, ...lines];
}

/** A line to paste: with what a client must show, and a socket as a flag of its own. */
function curlCommand({ clientsFile, files, allowedHosts }: Configuration, url: string): string {
  const words = ['curl'];
  if (files.clientCa !== undefined) words.push('--cert NAME.pem --key NAME.key');
  else if (clientsFile !== undefined) words.push('-u NAME:KEY');
  if (url.startsWith('unix:')) words.push(`--unix-socket ${url.slice(5)}`, 'http://localhost/machines/');
  else words.push(`${callable(url, allowedHosts)}/machines/`);
  return words.join(' ');
}

/** "All addresses" is none that a client could call, nor one that a certificate is for. */
function callable(url: string, allowedHosts: readonly string[]): string {
  const name = allowedHosts.find((host) => host !== '*') ?? 'localhost';
  return url.replace(/\/\/(?:0\.0\.0\.0|\[::\])(?=:)/, `//${name}`);
}

/** The same for a log collector. */
async function report(
  { regions, key, keySource, policy, clientsFile }: Configuration,
  proxy: Proxy,
  log: Logger,
): Promise<void> {
  const maas = regions.map(({ href }) => href).join(', ');
  log.info(
    {
      url: proxy.url,
      adminUrl: proxy.adminUrl,
      version,
      maas,
      key,
      keySource,
      policy: policy.name,
      ...(clientsFile !== undefined && { clientsFile }),
    },
    `listening on ${proxy.url}`,
  );
  const found = await lookAtMaas(proxy);
  if ('failure' in found) log.warn({ maas }, `MAAS ${found.failure}`);
  else if ('refused' in found.user)
    log.warn({ maasVersion: found.version }, `MAAS refuses the API key: ${found.user.refused}`);
  else
    log.info(
      { maasVersion: found.version, user: found.user.name },
      `MAAS ${found.version} answers, the key is ${whose(found)}`,
    );
}

/** What was found at MAAS, or what went wrong: words that go behind its address. */
async function lookAtMaas({ upstream }: Proxy): Promise<Identity | { failure: string }> {
  try {
    await upstream.probeRegions();
    return await identify(upstream);
  } catch (error) {
    // A sidecar may be up before its MAAS: no reason not to start.
    if (error instanceof Problem) return { failure: explainFailure(error) };
    throw error;
  }
}

function explainFailure({ message, receivedStatus }: Problem): string {
  return receivedStatus === undefined ? `does not answer: ${message}` : `is not ready: ${message}`;
}

function whose({ user }: Identity): string {
  return 'refused' in user ? user.refused : `${user.name}, ${user.administrator ? 'administrator' : 'user'}`;
}

import { homedir } from 'node:os';
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
  collectByBytes();
  const config = await readConfiguration(layers, homedir());
  const log = await openLog(config);
  const { logger } = log;
  const proxy = await startProxy(config, logger, layers.found.has('adminPort'), log.dropped);
  const stopped = untilStopped(proxy, logger);
  if (isForPeople(config.logFormat)) await greet(config, proxy, log);
  else await report(config, proxy, logger);
  for (const warning of config.warnings) logger.warn(warning);
  if (config.insecure)
    logger.warn(
      "MAAS's certificate is not verified (--insecure): any server that answers in MAAS's place gets the API key.",
    );
  const code = await stopped;
  await log.close();
  return code;
};

/** Prints the start-up text for people. */
async function greet(config: Configuration, proxy: Proxy, { say }: Log): Promise<void> {
  const { regions, key, keySource, policy, clientsFile } = config;
  say(`maas-auth-proxy ${version}`);
  say();
  // First the lines that do not need MAAS: MAAS may be slow to respond, and the proxy listens already.
  say(`  Address   ${proxy.url}`);
  if (config.page && !proxy.url.startsWith('unix:'))
    say(`  Page      ${callable(proxy.url, config.allowedHosts)}/ in a browser`);
  if (proxy.adminUrl !== undefined) say(`  Health    ${proxy.adminUrl}/readyz`);
  if (proxy.adminPage !== undefined) say(`  Operator  ${callable(proxy.adminPage, config.allowedHosts)} in a browser`);
  say(`  Policy    ${policy.name}`);
  if (clientsFile !== undefined) say(`  Clients   only those in ${clientsFile}`);
  const found = await probeMaas(proxy);
  const [first, ...more] = describeMaas(regions, proxy, found);
  say(`  MAAS      ${first}`);
  for (const line of more) say(`            ${line}`);
  say(`  API key   ${key}, from ${keySource}: ${'failure' in found ? 'not tried yet' : describeOwner(found)}`);
  say();
  say(`  Try       ${curlCommand(config, proxy.url)}`);
  say();
}

/** MAAS's address and version; with several regions, one line for each. */
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

/** A curl command to paste: with the credentials that a client needs, and a flag for a unix socket. */
function curlCommand({ clientsFile, files, allowedHosts }: Configuration, url: string): string {
  const words = ['curl'];
  if (files.clientCa !== undefined) words.push('--cert NAME.pem --key NAME.key');
  else if (clientsFile !== undefined) words.push('-u NAME:KEY');
  if (url.startsWith('unix:')) words.push(`--unix-socket ${url.slice(5)}`, 'http://localhost/machines/');
  else words.push(`${callable(url, allowedHosts)}/machines/`);
  return words.join(' ');
}

/** Replaces 0.0.0.0 and [::]: clients cannot connect to them, and certificates do not have them. */
function callable(url: string, allowedHosts: readonly string[]): string {
  const name = allowedHosts.find((host) => host !== '*') ?? 'localhost';
  return url.replace(/\/\/(?:0\.0\.0\.0|\[::\])(?=:)/, `//${name}`);
}

/** The start-up message for a log collector. */
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
      adminPage: proxy.adminPage,
      version,
      maas,
      key,
      keySource,
      policy: policy.name,
      ...(clientsFile !== undefined && { clientsFile }),
    },
    `listening on ${proxy.url}`,
  );
  const found = await probeMaas(proxy);
  if ('failure' in found) log.warn({ maas }, `MAAS ${found.failure}`);
  else if ('refused' in found.user)
    log.warn({ maasVersion: found.version }, `MAAS refuses the API key: ${found.user.refused}`);
  else
    log.info(
      { maasVersion: found.version, user: found.user.name },
      `MAAS ${found.version} answers, the key is ${describeOwner(found)}`,
    );
}

/** MAAS's version and the key's user, or what went wrong, as text that follows MAAS's address. */
async function probeMaas({ upstream }: Proxy): Promise<Identity | { failure: string }> {
  try {
    await upstream.probeRegions();
    return await identify(upstream);
  } catch (error) {
    // A sidecar may start before its MAAS, so this does not stop the start.
    if (error instanceof Problem) return { failure: explainFailure(error) };
    throw error;
  }
}

function explainFailure({ message, receivedStatus }: Problem): string {
  return receivedStatus === undefined ? `does not answer: ${message}` : `is not ready: ${message}`;
}

function describeOwner({ user }: Identity): string {
  return 'refused' in user ? user.refused : `${user.name}, ${user.administrator ? 'administrator' : 'user'}`;
}

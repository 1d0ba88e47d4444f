import { defaultMemory, memoryBounds } from '../config/memory-budget.ts';
import { homedir } from 'node:os';
import { readConfiguration } from '../config/configuration.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import type { Layers } from '../config/layers/layers.ts';
import type { SettingName } from '../config/settings.ts';
import { host as readHost, port as readPort, SettingError } from '../config/values.ts';
import { noPort } from '../server/listen-error.ts';
import { openLog, type Log } from '../access-log/log.ts';
import { startProxy } from '../proxy.ts';
import { startSimulator, type Simulator } from '../simulator/simulator.ts';
import type { Run } from './command.ts';
import { untilStopped } from './until-stopped.ts';

/** The simulator with a proxy in front of it, to try the proxy without a MAAS. */
export const demo: Run = async (layers) => {
  const address = readAddress(layers);
  const simulator = await startDemoSimulator(address);
  if (layers.extra.has('maas-only')) {
    const log = await openLog({
      logLevel: 'info',
      logFormat: 'auto',
      memory: memoryBounds(defaultMemory(), { tls: false, caches: false }),
    });
    log.say(
      `The simulator of MAAS listens on ${simulator.url}/MAAS; its API key, which no real MAAS accepts, is ${simulator.adminKey}`,
    );
    const code = await untilStopped({ stop: () => simulator.close().then(() => 0) }, log.logger);
    await log.close();
    return code;
  }
  try {
    const config = await readConfiguration(pointedAt(layers, simulator.url, simulator.adminKey), homedir());
    const log = await openLog(config);
    const proxy = await startProxy(config, log.logger, layers.found.has('adminPort'), log.dropped);
    const stopped = untilStopped(proxy, log.logger);
    if (config.page) log.say(`Open ${proxy.url}/ in a browser to see and call every operation of MAAS.`);
    if (proxy.adminPage !== undefined)
      log.say(`Open ${proxy.adminPage} to watch everybody's requests as the operator.`);
    invite(proxy.url, simulator, log);
    const code = await stopped;
    await log.close();
    return code;
  } finally {
    await simulator.close();
  }
};

async function startDemoSimulator(address: { host?: string; port?: number }): Promise<Simulator> {
  try {
    return await startSimulator(address);
  } catch (error) {
    throw noPort(error, address.host ?? '127.0.0.1', address.port ?? 0, '--maas-port');
  }
}

/** Settings that lead to a real MAAS, or change the addresses that the demo prints. */
const notForDemo: readonly SettingName[] = [
  'profile',
  'apiKeyFile',
  'caFile',
  'insecure',
  'socket',
  'tlsCertFile',
  'tlsKeyFile',
  'clientCaFile',
];

/** The settings of the proxy, with the simulator in address of a real MAAS. */
function pointedAt(layers: Layers, url: string, key: string): Layers {
  const found = new Map(layers.found);
  for (const name of notForDemo) found.delete(name);
  found.set('maasUrl', { text: url, source: 'the simulator', rank: 0 });
  found.set('apiKey', { text: key, source: 'the simulator', rank: 0 });
  return { ...layers, found };
}

function readAddress({ extra }: Layers): { host?: string; port?: number } {
  const mistakes: string[] = [];
  const read = <Value>(flag: string, reader: (text: string) => Value): Value | undefined => {
    const text = extra.get(flag);
    if (typeof text !== 'string') return undefined;
    try {
      return reader(text);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      mistakes.push(`--${flag} ${error.message}.`);
      return undefined;
    }
  };
  const host = read('maas-host', readHost);
  const port = read('maas-port', readPort);
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  return { ...(host !== undefined && { host }), ...(port !== undefined && { port }) };
}

function invite(url: string, simulator: Simulator, { say }: Log): void {
  const { port } = new URL(url);
  say(`The simulator of MAAS listens on ${simulator.url}/MAAS, the proxy on ${url}. Try, in another terminal:`);
  say();
  say(`  curl ${url}/users/`);
  say(`  curl '${url}/MAAS/api/2.0/users/?op=whoami'`);
  say(`  curl ${url}/machines/`);
  say(`  http POST :${port}/zones/ name=lab`);
  say(`  http --form POST :${port}/tags/ name=fast comment='NVMe inside'`);
  say();
  say('Ctrl-C stops both.');
  say();
}

import type { Layers } from '../../config/layers/layers.ts';
import { readSetting } from '../../config/read-setting.ts';
import { settings } from '../../config/settings.ts';
import { say } from '../command.ts';
import type { Connection } from './connection.ts';

/** Says what was written, and the next two commands. */
export function sayNext(layers: Layers, connection: Connection): void {
  const names = [...connection.keys()].map((name) => settings[name].env[0]);
  say();
  say(`.env has ${names.join(' and ')} now, and only you can read it (mode 0600). Next:`);
  say();
  for (const command of nextCommands(layers)) say(`  ${command}`);
}

function nextCommands(layers: Layers): readonly [string, string] {
  const port = readSetting(layers, 'port', []);
  // Where the proxy is reached otherwise, or wants a key, one curl line would not be all.
  const isPlain = !(['socket', 'tlsCertFile', 'clientsFile'] as const).some((name) => layers.found.has(name));
  if (layers.extra.has('no-check') || port === undefined || port === 0 || !isPlain) {
    return ['maas-auth-proxy check', 'maas-auth-proxy'];
  }
  return ['maas-auth-proxy', `curl 'http://localhost:${port}/users/?op=whoami'   # in another terminal`];
}

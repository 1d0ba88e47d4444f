import { settingNames } from '../../config/layers/names.ts';
import type { Layers } from '../../config/layers/layers.ts';
import type { DotenvChange } from '../../config/layers/change-dotenv.ts';
import { settings, type SettingName } from '../../config/settings.ts';

/** The settings that say which MAAS it is, and with which key; `init` sets them together. */
const required = ['maasUrl', 'apiKey', 'apiKeyFile', 'profile'] as const satisfies readonly SettingName[];

/** What `init` writes where a flag gives it, and else leaves as it is. */
const further = ['caFile', 'insecure'] as const satisfies readonly SettingName[];

/** The way to MAAS that is to be written into `.env`: the texts of settings, each with its source for messages. */
export type Connection = ReadonlyMap<SettingName, { readonly text: string; readonly source: string }>;

/** The settings that a flag gives. */
export function givenByFlags({ found }: Layers): Connection {
  return new Map([...required, ...further].flatMap((name) => flagOf(found, name)));
}

function flagOf(found: Layers['found'], name: SettingName): [SettingName, { text: string; source: string }][] {
  const given = found.get(name);
  return given?.rank === 0 ? [[name, given]] : [];
}

/** The configuration as it would be with this connection. */
export function layersWith(layers: Layers, connection: Connection): Layers {
  const found = new Map(layers.found);
  for (const name of required) found.delete(name);
  for (const [name, given] of connection) found.set(name, { ...given, rank: 0 });
  return { ...layers, found };
}

/** What changes in `.env`: a setting that is no part of this connection would stand in its way. */
export function dotenvChanges(connection: Connection): readonly DotenvChange[] {
  const names: readonly SettingName[] = [...required, ...further.filter((name) => connection.has(name))];
  return names.map((name) => ({ names: namesOf(name), value: connection.get(name)?.text }));
}

/** The names of a setting in `.env`, the one of the documentation first. */
function namesOf(setting: SettingName): readonly string[] {
  const long = [...settingNames()].filter(([, of]) => of === setting).map(([name]) => name);
  return [...new Set([...settings[setting].env, ...long])];
}

/** The variables of the environment that would win over what `.env` holds. */
export function strongerVariables({ found }: Layers, connection: Connection): readonly string[] {
  return required.flatMap((name) => {
    const given = found.get(name);
    return given?.rank === 1 && given.text !== connection.get(name)?.text ? [given.source] : [];
  });
}

import { settings, type Setting, type SettingName } from '../settings.ts';

/**
 * The environment name that no other program uses: `MAAS_PROXY_` and the flag's name in capitals, without its `no-`,
 * such as `MAAS_PROXY_PORT`. It takes precedence over the short names, in any layer: shells, conda and platforms set
 * `HOST` and `PORT`.
 */
export function longName({ flag, env }: Pick<Setting<unknown>, 'flag' | 'env'>): string {
  const name = flag?.replace(/^no-/, '').replaceAll('-', '_').toUpperCase() ?? env[0]?.replace(/^MAAS_/, '');
  return `MAAS_PROXY_${name}`;
}

/** All environment names of settings, long and short, each with its setting. */
export function settingNames(): ReadonlyMap<string, SettingName> {
  const entries = Object.entries(settings) as [SettingName, Setting<unknown>][];
  return new Map(entries.flatMap(([name, setting]) => [longName(setting), ...setting.env].map((one) => [one, name])));
}

/** Whether a name is so common that another program may have set it. */
export function isCommon(name: string): boolean {
  return !name.startsWith('MAAS_');
}

/**
 * Whether a variable's value shows that another program has set it for something else.
 *
 * Kubernetes and Docker tell a container the addresses of other services: for a service `maas-proxy` it is
 * `MAAS_PROXY_PORT=tcp://10.96.0.1:8240`. A conda environment with a compiler has `HOST=x86_64-conda-linux-gnu`, the
 * machine's type in the form of config.guess.
 */
export function isForeign(name: string, { argument }: Pick<Setting<unknown>, 'argument'>, text: string): boolean {
  if (argument === 'PORT') return /^(?:tcp|udp|sctp):\/\//.test(text);
  return name === 'HOST' && /^[a-z0-9_]+-[a-z0-9_]+-(?:linux|darwin|mingw|freebsd|windows)[a-z0-9_.-]*$/.test(text);
}

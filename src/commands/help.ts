import { settings, type Setting, type SettingName } from '../config/settings.ts';
import type { Command } from './command.ts';

/** The text of `--help`: the commands, or one command with its flags and settings. */
export function helpText(commands: Readonly<Record<string, Command>>, name: string): string {
  const command = commands[name] as Command;
  const lines =
    name === 'serve'
      ? [
          'Takes unsigned requests on a local port, signs each with a MAAS API key and forwards it to MAAS.',
          '',
          'Usage: maas-auth-proxy [COMMAND] [FLAGS]',
          '',
          'Commands:',
          ...columns(Object.entries(commands).map(([word, { summary }]) => [word, summary])),
        ]
      : [capitalised(command.summary), '', `Usage: maas-auth-proxy ${command.usage ?? `${name} [FLAGS]`}`];
  const own = (command.flags ?? []).map(({ flag, argument, help }): [string, string] => [
    `--${flag}${argument === undefined ? '' : ` ${argument}`}`,
    help,
  ]);
  return [
    ...lines,
    '',
    'Flags, and what sets the same in the environment or in .env:',
    ...columns([
      ...own,
      ...shownSettings(command).map((setting): [string, string] => [flagOf(setting), describe(setting)]),
      ['--help, --version', ''],
    ]),
    '',
  ].join('\n');
}

function shownSettings({ settings: shown }: Command): Setting<unknown>[] {
  return Object.entries(settings)
    .filter(([name]) => shown === 'all' || shown.includes(name as SettingName))
    .map(([, setting]) => setting as Setting<unknown>);
}

function flagOf({ flag, argument, env }: Setting<unknown>): string {
  if (flag === undefined) return `(${env[0]})`;
  return `--${flag}${argument === undefined ? '' : ` ${argument}`}`;
}

function describe({ help, env, flag, negative, default: value, defaultText, argument }: Setting<unknown>): string {
  const shown = defaultText ?? (argument === undefined ? undefined : value);
  const notes = [flag === undefined ? 'no flag: a process list would show it' : env.join(', ')];
  if (shown !== undefined) notes.push(`default ${String(shown)}`);
  return `${negative === true ? 'do not ' : ''}${help} [${notes.join('; ')}]`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

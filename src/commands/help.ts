import { settings, type Setting, type SettingName } from '../config/settings.ts';
import type { Command } from './command.ts';

/**
 * The text of `--help`: the commands, or one command with its flags and settings.
 *
 * @param width columns of the terminal; without it no line is wrapped, for `grep`
 */
export function helpText(commands: Readonly<Record<string, Command>>, name: string, width = Infinity): string {
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
  const text = [
    ...lines,
    '',
    'Flags, with their names in the environment and in .env in brackets:',
    ...columns([
      ...own,
      ...shownSettings(command).map((setting): [string, string] => [flagOf(setting), describe(setting)]),
      ['--help, --version', ''],
    ]),
    '',
    'Each variable also has a longer name, MAAS_PROXY_ and the flag, such as MAAS_PROXY_PORT; the longer name wins.',
    '',
  ].join('\n');
  return text
    .split('\n')
    .map((line) => fit(line, width))
    .join('\n');
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

/** Wraps a line between words; continuation lines are indented to the second column. */
function fit(line: string, width: number): string {
  if (line.length <= width) return line;
  const column = /^ +(?:\S+ )*\S+ {2,}/.exec(line)?.[0].length ?? 2;
  const indent = column > width / 2 ? 4 : column;
  const rows = [line.slice(0, column).trimEnd().padEnd(column)];
  for (const word of line.slice(column).split(' ')) {
    const row = rows.at(-1) as string;
    const longer = rows.length === 1 && row.length === column ? row + word : `${row} ${word}`;
    if (longer.length <= width || row.trim() === '') rows[rows.length - 1] = longer;
    else rows.push(' '.repeat(indent) + word);
  }
  return rows.join('\n');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import { settings, type Setting, type SettingName } from '../config/settings.ts';
import type { Command } from './command.ts';

/** The settings that most users need; `--help --all` shows the others. */
const mostNeeded: readonly SettingName[] = ['maasUrl', 'apiKey', 'caFile', 'port', 'policy'];

/** The headings of `--help --all`, by the first setting below each. */
const headings: Readonly<Partial<Record<SettingName, string>>> = {
  maasUrl: 'MAAS',
  host: 'Where the proxy listens',
  policy: 'Who may do what',
  tlsCertFile: 'https',
  adminHost: 'Admin listener',
  jsonToForm: 'Requests',
  rateLimit: 'Limits',
  redisUrl: 'Replicas',
  maxUpstream: 'Load on MAAS, and memory',
  upstreamTimeout: 'Timeouts',
  logLevel: 'Logs',
};

const examples = [
  ['maas-auth-proxy init', "ask for MAAS's address and the key, and write .env"],
  ['maas-auth-proxy', 'start the proxy'],
  ["curl 'localhost:8240/users/?op=whoami'", 'send a request through it'],
  ['maas-auth-proxy demo', 'try it without a MAAS'],
] as const;

/** What the brackets behind a setting hold. */
const inBrackets = 'their names in the environment and in .env in brackets';

/**
 * The text of `--help`: the commands, the most needed settings and examples; or one command with its flags and settings.
 *
 * @param width columns of the terminal; without it no line is wrapped, for `grep`
 */
export function helpText(commands: Readonly<Record<string, Command>>, name: string, width = Infinity): string {
  if (name !== 'serve') return fullHelp(commands, name, width);
  const named = mostNeeded.map((each) => [each, settings[each]] as const);
  return wrapped(
    [
      ...introduction(commands, name),
      '',
      `The settings that most users need, with ${inBrackets}:`,
      ...columns([
        ...settingRows(named),
        ['--help --all', 'every setting'],
        ['COMMAND --help', 'more about a command'],
      ]),
      '',
      'Examples:',
      ...columns(examples),
    ],
    width,
  );
}

/** The text of `--help --all`: the same with every setting. */
export function fullHelp(commands: Readonly<Record<string, Command>>, name: string, width = Infinity): string {
  const command = commands[name] as Command;
  const own = (command.flags ?? []).map(({ flag, argument, help }): [string, string] => [
    `--${flag}${argument === undefined ? '' : ` ${argument}`}`,
    help,
  ]);
  const shown = shownSettings(command);
  const lines = columns([...own, ...settingRows(shown), ['--help, --version', '']]);
  const grouped = lines.flatMap((line, index) => {
    if (name === 'serve' && index === lines.length - 1) return ['', line];
    const setting = shown[index - own.length]?.[0];
    const heading = name === 'serve' && setting !== undefined ? headings[setting] : undefined;
    return heading === undefined ? [line] : ['', `${heading}:`, line];
  });
  return wrapped(
    [
      ...introduction(commands, name),
      '',
      `Flags, with ${inBrackets}:`,
      ...grouped,
      '',
      'Each variable also has a longer name, MAAS_PROXY_ and the flag, such as MAAS_PROXY_PORT; the longer name wins.',
    ],
    width,
  );
}

function introduction(commands: Readonly<Record<string, Command>>, name: string): string[] {
  const { summary, usage = `${name} [FLAGS]` } = commands[name] as Command;
  if (name !== 'serve') return [capitalised(summary), '', `Usage: maas-auth-proxy ${usage}`];
  return [
    'Takes unsigned requests on a local port, signs each with a MAAS API key and forwards it to MAAS.',
    '',
    'Usage: maas-auth-proxy [COMMAND] [FLAGS]',
    '',
    'Commands:',
    ...columns(Object.entries(commands).map(([word, command]) => [word, command.summary])),
  ];
}

function wrapped(lines: readonly string[], width: number): string {
  const text = `${lines.join('\n')}\n`;
  return text
    .split('\n')
    .map((line) => fit(line, width))
    .join('\n');
}

type Named = readonly (readonly [SettingName, Setting<unknown>])[];

function settingRows(named: Named): [string, string][] {
  return named.map(([, setting]) => [flagOf(setting), describe(setting)]);
}

function shownSettings({ settings: shown }: Command): Named {
  const all = Object.entries(settings) as [SettingName, Setting<unknown>][];
  return all.filter(([name]) => shown === 'all' || shown.includes(name));
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

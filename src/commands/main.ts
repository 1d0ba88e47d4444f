import { resolve } from 'node:path';
import { allSaid, complain, say } from './command.ts';
import { commands } from './commands.ts';
import { endProcess } from './end-process.ts';
import { fullHelp, helpText } from './help.ts';
import { describeWord } from './words.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { readLayers, type Layers } from '../config/layers/layers.ts';
import { ListenError } from '../server/listen-error.ts';
import { holdsKey, maskKeys } from '../maas/mask-keys.ts';
import { version } from '../version.ts';

/** Runs the program. @returns the exit code */
async function run(argv: readonly string[]): Promise<number> {
  const [first, ...others] = argv;
  const args = first === 'help' ? [...others, '--help'] : argv;
  const named = args[0] !== undefined && !args[0].startsWith('-');
  const name = named ? (args[0] as string) : 'serve';
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    complain(describeWord(maskKeys(name), Object.keys(commands), true));
    return 2;
  }
  const layers = refuseKeys(
    readLayers({ args: named ? args.slice(1) : args, env: process.env, dotenvFile: resolve('.env') }, command.flags),
  );
  if (layers.help) {
    const [word = name] = layers.positionals;
    const about = Object.hasOwn(commands, word) ? word : name;
    const { columns } = process.stdout;
    say((layers.extra.has('all') ? fullHelp(commands, about, columns) : helpText(commands, about, columns)).trimEnd());
    return 0;
  }
  if (layers.version) {
    say(version);
    return 0;
  }
  const work = await command.load();
  return work(command.takesWords === true ? layers : refuseWords(layers));
}

/**
 * Most commands take no arguments. An argument after an unknown flag was meant as the flag's value, so only the flag is
 * reported.
 */
function refuseWords(layers: Layers): Layers {
  const [word] = layers.positionals;
  if (layers.mistakes.length > 0 || word === undefined) return layers;
  // Mistakes further on may come from this word, so they are not reported.
  return { ...layers, mistakes: [describeWord(maskKeys(word), Object.keys(commands), false)] };
}

/** Refuses an API key as the value of another setting: an error message would repeat the key. */
function refuseKeys(layers: Layers): Layers {
  const found = new Map(layers.found);
  const extra = new Map(layers.extra);
  const mistakes = [...layers.mistakes];
  for (const [name, { text, source }] of layers.found) {
    if (name === 'apiKey' || !holdsKey(text)) continue;
    found.delete(name);
    mistakes.push(
      `${source} must not be an API key: put the key into MAAS_API_KEY, or into a file that --api-key-file names.`,
    );
  }
  for (const [flag, value] of layers.extra) {
    // Error messages never repeat the body.
    if (value === true || flag === 'body' || !holdsKey(value)) continue;
    extra.delete(flag);
    mistakes.push(`--${flag} must not be an API key.`);
  }
  return { ...layers, found, extra, mistakes };
}

/** Prints what went wrong. A stack or a library's message would not help, and might contain a secret. */
function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigurationError) {
    for (const mistake of error.mistakes) complain(mistake);
    return 2;
  }
  if (error instanceof ListenError) {
    complain(error.message);
    return 1;
  }
  complain(`maas-auth-proxy failed unexpectedly (${error instanceof Error ? error.name : typeof error}).`);
  return 1;
}

/** Runs the program with the arguments of this process, and ends the process. */
export function main(): void {
  // Node would print the stack, and the source line with it; both may hold what no log should.
  process.on('uncaughtException', (error) => endProcess(exitCodeOf(error)));

  run(process.argv.slice(2)).then(
    async (code) => {
      await allSaid();
      return endProcess(code);
    },
    (error: unknown) => endProcess(exitCodeOf(error)),
  );
}

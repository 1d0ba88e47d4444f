#!/usr/bin/env node
import { resolve } from 'node:path';
import { complain, say } from './commands/command.ts';
import { commands } from './commands/commands.ts';
import { helpText } from './commands/help.ts';
import { ConfigurationError } from './config/configuration.ts';
import { readLayers, type Layers } from './config/layers.ts';
import { ListenError } from './listen-error.ts';
import { version } from './version.ts';

/** Runs the program. @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const named = args[0] !== undefined && !args[0].startsWith('-');
  const name = named ? (args[0] as string) : 'serve';
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    complain(`"${name}" is not a command; there are ${Object.keys(commands).join(', ')}. --help says more.`);
    return 2;
  }
  const layers = readLayers(
    { args: named ? args.slice(1) : args, env: process.env, dotenvFile: resolve('.env') },
    command.flags,
  );
  if (layers.help) {
    process.stdout.write(helpText(commands, name));
    return 0;
  }
  if (layers.version) {
    say(version);
    return 0;
  }
  const run = await command.load();
  return run(refusePositionals(layers));
}

/** No command takes a bare word. Behind a flag that nobody knows it was meant as its value. */
function refusePositionals(layers: Layers): Layers {
  if (layers.mistakes.length > 0) return layers;
  return { ...layers, mistakes: layers.positionals.map((word) => `"${word}" is not expected here; --help says more.`) };
}

/** Says what went wrong in sentences. A stack or a library's words would help nobody, and might hold a secret. */
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

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(exitCodeOf(error)),
);

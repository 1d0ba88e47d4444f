import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { runChecks } from '../../check/checks.ts';
import { replaceFile } from '../../clients/file/replace-file.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { readDraft } from '../../config/configuration.ts';
import { whyUnwritable } from '../../config/files.ts';
import { changeDotenv } from '../../config/layers/change-dotenv.ts';
import type { Layers } from '../../config/layers/layers.ts';
import { complain, say, type Run } from '../command.ts';
import { endProcess } from '../end-process.ts';
import { showStep } from '../show-step.ts';
import { askConnection } from './ask.ts';
import { dotenvChanges, givenByFlags, layersWith, strongerVariables, type Connection } from './connection.ts';
import { sayNext } from './next.ts';
import { Cancelled, openPrompts, type Prompts } from './prompts.ts';
import { readGiven } from './read-given.ts';

/** The exit code of a command that Ctrl-C has ended, as shells have it. */
const interrupted = 130;

/** Finds out which MAAS it is, tries its address and the key, and writes both into `.env`. */
export const init: Run = async (layers) => {
  if (layers.mistakes.length > 0) throw new ConfigurationError(layers.mistakes);
  process.once('SIGINT', stop);
  // After Ctrl-D a prompt waits for ever, and Node has nothing left to do.
  process.once('beforeExit', stop);
  try {
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
    const connection = await (isTerminal ? ask(await openPrompts(), layers) : readAndTry(layers));
    if (connection === undefined) return 1;
    return write(layers, connection);
  } catch (error) {
    if (error instanceof Cancelled) return sayStopped();
    throw error;
  } finally {
    process.off('SIGINT', stop);
    process.off('beforeExit', stop);
  }
};

function stop(): never {
  endProcess(sayStopped());
}

function sayStopped(): number {
  complain('\nStopped; nothing was written.');
  return interrupted;
}

/** @returns `undefined` where the user wants `.env` to stay as it is */
async function ask(prompts: Prompts, layers: Layers): Promise<Connection | undefined> {
  if (existsSync('.env') && !layers.extra.has('force')) {
    const question = 'There is a .env here. Change the address and the key in it? Its other lines stay.';
    if (!(await prompts.confirm(question))) {
      complain('Nothing was written.');
      return undefined;
    }
  }
  let given = givenByFlags(layers);
  for (;;) {
    const connection = await askConnection(prompts, given, layers, homedir());
    if (await tried(layers, connection)) return connection;
    say();
    say('That does not work yet. Try again, or stop with Ctrl-C; with --no-check the values are written untried.');
    // What was given by flags is as likely to be the mistake; an authority of its own is asked for nowhere.
    given = new Map([...given].filter(([name]) => name === 'caFile' || name === 'insecure'));
  }
}

async function readAndTry(layers: Layers): Promise<Connection | undefined> {
  if (existsSync('.env') && !layers.extra.has('force')) {
    complain('There is a .env here, and nothing was written: --force changes the address and the key in it.');
    return undefined;
  }
  const connection = await readGiven(givenByFlags(layers), layers);
  if (await tried(layers, connection)) return connection;
  complain('Nothing was written; --no-check writes the values untried.');
  return undefined;
}

/** Tries a connection as `check` does, and shows each step; true where nothing is wrong, or nothing is to be tried. */
async function tried(layers: Layers, connection: Connection): Promise<boolean> {
  if (layers.extra.has('no-check')) return true;
  const steps = await runChecks(await readDraft(layersWith(layers, connection), homedir()), showStep, 'MAAS alone');
  return steps.every(({ status }) => status !== 'error');
}

function write(layers: Layers, connection: Connection): number {
  const file = resolve('.env');
  try {
    const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
    // Before the key is in it: the new file takes over who may read the old one.
    if (existsSync(file)) chmodSync(file, 0o600);
    replaceFile(file, changeDotenv(before, dotenvChanges(connection)));
  } catch (error) {
    complain(`The settings cannot be written into .env, ${whyUnwritable(error)}.`);
    return 1;
  }
  sayNext(layers, connection);
  for (const source of strongerVariables(layers, connection)) {
    complain(`${source} in the environment wins over .env: unset it where the proxy is started.`);
  }
  return 0;
}

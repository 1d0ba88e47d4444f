import { endProcess } from './end-process.ts';
import type { ExtraFlag } from '../config/layers/flags.ts';
import type { Layers } from '../config/layers/layers.ts';
import type { SettingName } from '../config/settings.ts';
import { maskKeys } from '../maas/mask-keys.ts';
import { visible } from '../output/printable.ts';

/** Runs a command. @returns the exit code: 0 fine, 1 failed, 2 wrong usage or configuration */
export type Run = (layers: Layers) => Promise<number>;

/** One command of the program. */
export interface Command {
  /** Its description for `--help`. */
  readonly summary: string;
  /** Its usage, if that is more than its name and flags. */
  readonly usage?: string;
  /** Whether the command accepts arguments that are not flags. */
  readonly takesWords?: true;
  /** The settings that the command reads: `all`, or those named. */
  readonly settings: 'all' | readonly SettingName[];
  readonly flags?: readonly ExtraFlag[];
  /** Loads the code: a health check that runs every few seconds should not load a proxy. */
  load(): Promise<Run>;
}

/**
 * Writes one or more lines to standard output. Terminal control characters are escaped, because much of the text comes
 * from outside.
 *
 * @param mark the program's own text before the line; colours are kept
 */
export function say(line = '', mark = ''): void {
  said = new Promise((resolve) => write(process.stdout, mark + visible(line), resolve));
}

/**
 * Writes a line to standard error. API keys are masked: the line may repeat user input with a key in the wrong place.
 */
export function complain(line: string): void {
  write(process.stderr, visible(maskKeys(line)));
}

let said = Promise.resolve();

/** Resolves when standard output has taken all lines: a process that exits earlier loses them. */
export function allSaid(): Promise<void> {
  return said;
}

/**
 * Uses Node's streams only when needed: creating them changes the mode of the descriptor, and a proxy that logs needs
 * none.
 */
function write(output: NodeJS.WriteStream, line: string, onDone: () => void = () => undefined): void {
  if (output.listenerCount('error') === 0) {
    output.on('error', ({ code = 'without a code' }: NodeJS.ErrnoException) => {
      // A reader that closes the pipe early (`--help | head`) is not a failure.
      if (code === 'EPIPE') return;
      if (output === process.stdout) {
        complain(`Standard output cannot be written${code === 'ENOSPC' ? ': the disk is full' : ` (${code})`}.`);
      }
      endProcess(1);
    });
  }
  output.write(`${line}\n`, onDone);
}

import type { ExtraFlag } from '../config/layers/flags.ts';
import type { Layers } from '../config/layers/layers.ts';
import type { SettingName } from '../config/settings.ts';
import { maskKeys } from '../maas/mask-keys.ts';
import { visible } from '../output/printable.ts';

/** Does a command's work. @returns the exit code: 0 fine, 1 failed, 2 wrong usage or configuration */
export type Run = (layers: Layers) => Promise<number>;

/** One command of the program. */
export interface Command {
  /** What `--help` says it is for. */
  readonly summary: string;
  /** How it is called, where that is more than its name and flags. */
  readonly usage?: string;
  /** Whether words that are no flags mean something to it. */
  readonly takesWords?: true;
  /** The settings that mean something to it, `all` of them or those named. */
  readonly settings: 'all' | readonly SettingName[];
  readonly flags?: readonly ExtraFlag[];
  /** Loads the code: a health check that runs every few seconds should not load a proxy. */
  load(): Promise<Run>;
}

/**
 * Writes a line, or several, to standard output. What a terminal would obey is written out: much of what is said came from outside.
 *
 * @param mark of the program's own, colours included, before it
 */
export function say(line = '', mark = ''): void {
  said = new Promise((resolve) => write(process.stdout, mark + visible(line), resolve));
}

/** Writes a line to standard error. What is repeated in it may be a key in the wrong place. */
export function complain(line: string): void {
  write(process.stderr, visible(maskKeys(line)));
}

let said = Promise.resolve();

/** Resolves when standard output has taken all that was said: a process that ends before loses it. */
export function allSaid(): Promise<void> {
  return said;
}

/** Node's streams are made when they are asked for, and change what they are made of: a proxy that logs needs none. */
function write(output: NodeJS.WriteStream, line: string, onDone: () => void = () => undefined): void {
  if (output.listenerCount('error') === 0) {
    output.on('error', ({ code = 'without a code' }: NodeJS.ErrnoException) => {
      // Who has read enough of it (`--help | head`) closes the pipe: no failure.
      if (code === 'EPIPE') return;
      if (output === process.stdout) {
        complain(`Standard output cannot be written${code === 'ENOSPC' ? ': the disk is full' : ` (${code})`}.`);
      }
      process.exit(1);
    });
  }
  output.write(`${line}\n`, onDone);
}

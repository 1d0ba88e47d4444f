import type { ExtraFlag, Layers } from '../config/layers.ts';
import type { SettingName } from '../config/settings.ts';

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

/** Writes a line to standard output. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line to standard error. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

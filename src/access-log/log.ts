import { isatty } from 'node:tty';
import { pino, type Logger } from 'pino';
import type { Configuration } from '../config/configuration.ts';
import type { SettingValues } from '../config/settings.ts';
import { maskKeys } from '../maas/mask-keys.ts';
import { createFormatForPeople } from '../output/for-people.ts';
import { openStandardOutput } from '../output/standard-output.ts';
import { visible } from '../output/printable.ts';

/** The log, and the other output of a program that logs, in one order. */
export interface Log {
  readonly logger: Logger;
  /** Writes a line for people. */
  say(line?: string): void;
  /** How many lines have been dropped since the start; a dropped line never stops the proxy. */
  dropped(): number;
  /** Writes the remaining lines, as far as the reader takes them within a second. */
  close(): Promise<void>;
}

/**
 * Opens the log: JSON lines on standard output, or lines for people. One for each process.
 *
 * @param settings level and format; `auto` is for people where standard output is a terminal
 */
export async function openLog({
  logLevel,
  logFormat,
  memory,
}: Pick<Configuration, 'logLevel' | 'logFormat' | 'memory'>): Promise<Log> {
  const format = isForPeople(logFormat) ? createFormatForPeople() : (line: string) => line;
  const output = openStandardOutput(memory.log, (lost, code) => format(noticeOf(lost, code)));
  return {
    logger: createLogger(logLevel, (line) => output.add(format(line))),
    say: (line = '') => output.add(`${visible(line)}\n`),
    dropped: output.dropped,
    close: output.close,
  };
}

/**
 * A logger of JSON lines, in which whatever looks like an API key is masked.
 *
 * @param write takes a line, with its newline
 */
export function createLogger(level: string, write: (line: string) => void): Logger {
  const options = {
    level,
    base: null,
    timestamp: isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: (line) => write(isAccessLogEntry(line) ? line : maskKeys(line)) });
}

/** Whether a line is the access-log entry of a request, as most lines are. Its texts are masked already. */
function isAccessLogEntry(line: string): boolean {
  return line.endsWith('"msg":"request"}\n');
}

/** The line that says how many lines are missing, in pino's form. */
function noticeOf(dropped: number, code: string): string {
  const lines = dropped === 1 ? 'One line of the log is' : `${dropped} lines of the log are`;
  const msg = `${lines} missing here: ${reasons[code] ?? `standard output could not be written (${code})`}.`;
  return `{"level":"warn"${isoTime()},"dropped":${dropped},"msg":${JSON.stringify(msg)}}\n`;
}

const reasons: Readonly<Record<string, string>> = {
  EBUSY: 'nobody read standard output as fast as they came',
  ENOSPC: 'the disk under standard output was full',
  EPIPE: 'nobody read standard output any more',
};

/** The time in the form of pino's own `isoTime`; the text of the current second is cached. */
function isoTime(): string {
  const now = Date.now();
  const milliseconds = now % 1000;
  if (now - milliseconds !== second.start) {
    second = { start: now - milliseconds, text: new Date(now).toISOString().slice(0, 20) };
  }
  return `,"time":"${second.text}${String(milliseconds).padStart(3, '0')}Z"`;
}

let second = { start: -1, text: '' };

/** Whether the log is written for people. */
export function isForPeople(format: SettingValues['logFormat']): boolean {
  return format === 'pretty' || (format === 'auto' && isatty(1));
}

import type { Logger } from 'pino';
import { createLogger } from '../access-log/log.ts';
import type { LogLevel, ProxyLogger, ProxyOptions } from './options.ts';

/** The levels of a log, as the option has them. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const satisfies readonly LogLevel[];

/** The log that an option asks for. */
export function openLibraryLog(log: ProxyOptions['log'] = 'off'): Logger {
  if (log === 'off') return createLogger('silent', () => {});
  if (typeof log === 'string') return createLogger(log, (line) => process.stdout.write(line));
  // As lines: they are masked as text before they go to the caller's logger.
  return createLogger(log.level, (line) => passOn(line, log));
}

function passOn(line: string, log: ProxyLogger): void {
  const { level, time: _, msg, ...fields } = JSON.parse(line) as { level: LogLevel; time: string; msg?: string };
  log[level](fields, msg ?? '');
}

/** What is wrong with the option, as a sentence; `undefined` if it is valid. */
export function findWrongLog(log: unknown): string | undefined {
  if (log === undefined || log === 'off' || logLevels.some((level) => level === log)) return undefined;
  if (typeof log === 'object' && log !== null && 'level' in log && logLevels.every((level) => hasMethod(log, level)))
    return undefined;
  return `log must be a pino logger, "off", or a level: ${logLevels.join(', ')}.`;
}

function hasMethod(log: object, name: string): boolean {
  return typeof (log as Readonly<Record<string, unknown>>)[name] === 'function';
}

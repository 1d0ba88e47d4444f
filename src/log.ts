import { destination, pino, type DestinationStream, type Logger } from 'pino';
import type { SettingValues } from './config/settings.ts';

/**
 * The log: JSON lines on standard output, or lines for people.
 *
 * @param settings level and format; `auto` is for people where standard output is a terminal
 */
export async function createLog({
  logLevel,
  logFormat,
}: Pick<SettingValues, 'logLevel' | 'logFormat'>): Promise<Logger> {
  const options = {
    level: logLevel,
    base: null,
    timestamp: isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return isForPeople(logFormat) ? pino(options, await forPeople()) : pino(options, together(destination({ fd: 1 })));
}

/** Writes the lines that come in one turn of the event loop at once. A call to the system for each was the log's largest cost. */
function together(output: DestinationStream): DestinationStream {
  let lines = '';
  function flush(): void {
    const text = lines;
    lines = '';
    if (text !== '') output.write(text);
  }
  // Before pino's own listener, which closes the output.
  process.prependListener('exit', flush);
  return {
    write(line) {
      if (lines === '') setImmediate(flush);
      lines += line;
    },
  };
}

/** The time as pino's own `isoTime` has it; the seconds are written out once. */
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
  return format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
}

async function forPeople(): Promise<DestinationStream> {
  // Loaded here because a service, which logs JSON, never needs it.
  const { build } = await import('pino-pretty');
  return build({
    colorize: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
    translateTime: 'SYS:HH:MM:ss',
    sync: true,
    hideObject: true,
    messageFormat: (line, messageKey) => {
      const { client, method, path, status, ms, code, cause, requestId } = line;
      if (method === undefined) return [line[messageKey], cause].filter((part) => part !== undefined).join(': ');
      const why = [code, cause].filter((part) => part !== undefined).join(': ');
      const who = client === undefined ? '' : `${client}: `;
      return `${status} ${who}${method} ${path} ${ms} ms${why === '' ? '' : ` (${why}; request ${requestId})`}`;
    },
  });
}

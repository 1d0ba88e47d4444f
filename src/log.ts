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

/** For how long lines wait for further ones, ms, where lines come one after the other: nobody can tell. */
const gathering = 10;

/**
 * Writes lines that come close together at once: the first at the end of the event loop's turn, those that follow within a moment with each
 * other. A write for each, by another thread so that a full pipe holds up nobody, was the log's largest cost.
 */
function together(output: DestinationStream): DestinationStream {
  let lines = '';
  let writtenAt = -Infinity;
  function flush(): void {
    const text = lines;
    lines = '';
    if (text === '') return;
    writtenAt = performance.now();
    output.write(text);
  }
  // Before pino's own listener, which closes the output.
  process.prependListener('exit', flush);
  return {
    write(line) {
      if (lines === '') {
        if (performance.now() - writtenAt > gathering) setImmediate(flush);
        else setTimeout(flush, gathering);
      }
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

import { isatty } from 'node:tty';
import { visible } from './printable.ts';

/** Loads the function that turns a JSON log line into a line for people. */
export async function loadFormatForPeople(): Promise<(line: string) => string> {
  // Loaded here because a service logs JSON and never needs it.
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({
    colorize: isatty(1) && process.env['NO_COLOR'] === undefined,
    translateTime: 'SYS:HH:MM:ss',
    hideObject: true,
    messageFormat: (line, messageKey) => visible(describe(line, String(line[messageKey] ?? ''))).replaceAll('\n', ' '),
  });
}

/** `403 alice: POST /machines/abc/?op [POST machines/{system_id} deploy] 1.2 ms (policy-refused; request 3f1c…)`. */
function describe(line: Record<string, unknown>, message: string): string {
  const { client, operation, method, path, status, ms, code, cause, requestId, peer } = line;
  const why = joinDefined(': ', code, cause);
  if (method !== undefined) {
    const who = client === undefined ? '' : `${client}: `;
    const what = operation === undefined || operation === 'other' ? '' : ` [${operation}]`;
    const note = joinDefined('; ', why, isFailure(status) ? `request ${requestId}` : undefined);
    return `${status} ${who}${method} ${path}${what} ${ms} ms${note === '' ? '' : ` (${note})`}`;
  }
  // A connection without a request.
  if (status !== undefined) return `${status} ${message} from ${peer} (${why}; request ${requestId})`;
  // The sentence may contain the cause already.
  return cause === undefined || message.includes(String(cause)) ? message : `${message}: ${cause}`;
}

function isFailure(status: unknown): boolean {
  return typeof status === 'number' && status >= 400;
}

function joinDefined(separator: string, ...parts: readonly unknown[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(separator);
}

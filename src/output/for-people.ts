import { isatty } from 'node:tty';
import { visible } from './printable.ts';

/** The colours of the levels, as the terminal's codes; the message itself is cyan. */
const levelColors: Readonly<Record<string, readonly [start: number, end: number]>> = {
  trace: [90, 39],
  debug: [34, 39],
  info: [32, 39],
  warn: [33, 39],
  error: [31, 39],
  fatal: [41, 49],
};

const cyan = [36, 39] as const;

/**
 * Makes a formatter that turns a JSON line of the log into a line for people: `[14:03:27] INFO: message`, in local
 * time.
 *
 * pino-pretty would add no more than the time and the colours to what stands here, and needs two packages for it.
 *
 * @param colored whether levels and messages have colours; by default where standard output is a terminal
 */
export function createFormatForPeople(
  colored: boolean = isatty(1) && process.env['NO_COLOR'] === undefined,
): (line: string) => string {
  const color = (text: string, codes: readonly [number, number] | undefined): string =>
    colored && codes !== undefined ? `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m` : text;
  return (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>;
    const level = String(entry['level']);
    const message = visible(describe(entry, String(entry['msg'] ?? ''))).replaceAll('\n', ' ');
    const time = new Date(String(entry['time'])).toTimeString().slice(0, 8);
    return `[${time}] ${color(level.toUpperCase(), levelColors[level])}: ${color(message, cyan)}\n`;
  };
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

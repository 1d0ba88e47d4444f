import { STATUS_CODES } from 'node:http';
import { fieldLines, type Fields } from './fields.ts';

/**
 * The status line and header section of a response that is written to the connection itself, past Node's
 * `ServerResponse`: one without a request, an interim response, and a short response (which is faster so).
 *
 * @param fields as they are to be written; nothing is checked, or added
 * @param reason by default the status code's own phrase
 * @returns one character per byte
 */
export function serializeHead(status: number, fields: Fields, reason: string = STATUS_CODES[status] ?? ''): string {
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}\r\n`;
}

// The words that the cases are written in: plain concatenations of bytes, and outcomes that many cases share.
import type { AnswerExpected, Outcome, RequestExpected } from '../case.ts';

/** The address that most cases ask for. */
export const path = '/MAAS/api/2.0/machines/';

/** A start line and field lines as they go over the wire. */
export function message(...lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join('') + '\r\n';
}

/** A GET with these field lines after Host. */
export function get(...fields: readonly string[]): string {
  return message(`GET ${path} HTTP/1.1`, 'Host: {host}', ...fields);
}

/** A POST with these field lines after Host, and this body as it is. */
export function post(fields: readonly string[], body: string): string {
  return message(`POST ${path} HTTP/1.1`, 'Host: {host}', ...fields) + body;
}

/** A chunked POST, its body as it is. */
export function chunked(body: string): string {
  return post(['Transfer-Encoding: chunked'], body);
}

/** An answer of MAAS's side with a body of this text; its length is told. */
export function answer(text: string, ...fields: readonly string[]): string {
  return message('HTTP/1.1 200 OK', ...fields, `Content-Length: ${text.length}`) + text;
}

/** An answer of MAAS's side without a length. */
export function answerHead(...fields: readonly string[]): string {
  return message('HTTP/1.1 200 OK', ...fields);
}

/** What MAAS's side answers where a case says nothing else. */
export const ok = answer('ok', 'Content-Type: text/plain');

/** The small answer as the client should get it. */
export const okExpected: AnswerExpected = { status: 200, body: 'ok' };

/** The request reaches MAAS and is answered. */
export function forwarded(request: RequestExpected = {}, client: AnswerExpected = {}): Outcome {
  return { label: 'forwarded', client: [{ ...okExpected, ...client }], maas: [request] };
}

/** MAAS's answer reaches the client. */
export function passed(client: AnswerExpected): Outcome {
  return { label: 'passed', client: [{ status: 200, ...client }], maas: [{}] };
}

/** Answered by the program itself with one of these statuses; nothing reaches MAAS whole. */
export function refused(...status: readonly number[]): Outcome {
  return { label: status.length === 1 ? `${status[0]}` : 'refused', client: [{ status }], maas: [] };
}

/** The same, and the connection is closed. */
export function refusedAndClosed(...status: readonly number[]): Outcome {
  return { ...refused(...status), connection: 'closed' };
}

/** The connection is closed without an answer, or with an error; nothing reaches MAAS whole. */
export const cutOff: Outcome = { label: 'cut off', noSuccess: true, connection: 'closed', maas: [] };

/** Nothing of it counts as a request: nothing reaches MAAS whole, nothing succeeds. */
export const notDelivered: Outcome = { label: 'not delivered', noSuccess: true, maas: [] };

/** MAAS's answer is taken for broken. */
export const badGateway: Outcome = { label: '502', client: [{ status: 502 }] };

/** The client's transfer breaks off, or it gets a 502: never a complete answer. */
export const neverComplete: readonly Outcome[] = [
  badGateway,
  { label: 'broken transfer', client: [{ broken: true }], connection: 'closed' },
  { label: 'closed without a response', client: [], connection: 'closed' },
];

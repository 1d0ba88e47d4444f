import type { Exchange } from '../exchange.ts';
import { fieldOf, type Fields } from './fields.ts';

/** How long a connection may be idle between two requests, ms: longer than the 60 s of common load balancers. */
export const idlePatience = 72_000;

/** The largest body that is written in one piece with its head, bytes: one packet of loopback's, and no great copy. */
const maxBody = 16 * 1024;

/** What Node writes for a connection that stays. */
const persistence = `Connection: keep-alive\r\nKeep-Alive: timeout=${idlePatience / 1000}\r\n\r\n`;

/**
 * Writes an answer of which the body is there, head and body in one piece, and ends it. Node's own way costs a seventh of a short
 * request: it checks each field once more, and gives the system three pieces. This one is for the plain case alone, a short
 * answer on a connection that stays; what is written is the same, byte for byte.
 *
 * @param headers with the body's length among them
 * @returns whether it was written; if not, Node is to do it
 */
export function writeWhole(
  { request, response, closes }: Exchange,
  status: number,
  reason: string,
  headers: Fields,
  body: Buffer,
): boolean {
  const { socket } = response;
  // A socket that its response does not have yet is busy with the answer before.
  if (socket === null || socket.writableLength > 0 || body.length > maxBody) return false;
  // `shouldKeepAlive` is also how a stopping server has its connections end. Node adds a date where MAAS has given none.
  if (closes || !response.shouldKeepAlive || request.httpVersion !== '1.1') return false;
  if (fieldOf(headers, 'date') === undefined) return false;
  response.statusCode = status; // what the record reads
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let index = 0; index < headers.length; index += 2) text += `${headers[index]}: ${headers[index + 1]}\r\n`;
  text += persistence;
  text += body.toString('latin1');
  socket.write(text, 'latin1', (error) => {
    // Node's server goes on to the connection's next request at this event of the response, whoever has written it.
    if (!error) response.emit('finish');
  });
  return true;
}

import { isArriving } from '../http/request-body.ts';
import type { Exchange } from '../exchange.ts';

/** How much of an unwanted body is still read before the connection closes, bytes, and for how long, ms. */
const lingerLimits = { bytes: 64 * 1024 * 1024, time: 5_000 };

/**
 * Ends a response that was written before its request had arrived completely. Closing immediately would reset the
 * connection of a client that is still sending, and it would lose the response (RFC 9112 §9.6). Therefore the rest of
 * the request is read and discarded for a while.
 */
export function endOrLinger(exchange: Exchange): void {
  const { request, response, connection } = exchange;
  connection.isResponseWritten = true;
  if (!isArriving(request) || request.destroyed || connection.mustClose) {
    response.end();
    return;
  }
  let read = 0;
  const timer = setTimeout(end, lingerLimits.time);
  function onData(chunk: Buffer): void {
    read += chunk.length;
    if (read > lingerLimits.bytes) end();
  }
  function end(): void {
    clearTimeout(timer);
    request.off('data', onData).off('end', end).off('close', end);
    response.end();
  }
  request.on('data', onData).once('end', end).once('close', end);
  request.resume();
}

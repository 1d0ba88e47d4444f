import type { Socket } from 'node:net';
import { errors } from 'undici';
import { systemErrorCode } from '../../system/system-error.ts';

/**
 * Makes a reset of a connection to MAAS an error, also if the end of the connection ends the response. undici 7 takes
 * `ECONNRESET` for such an end, because macOS reports it after complete responses; a truncated response would look
 * complete (RFC 9112 §8).
 */
export function makeResetAnError(socket: Socket): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error?: Error): Socket =>
    destroy(error !== undefined && systemErrorCode(error) === 'ECONNRESET' ? wrapped(error) : error);
}

/** The same error for undici with another code; the original error is its cause. */
function wrapped(cause: Error): Error {
  return Object.assign(new errors.SocketError('the connection was reset'), { cause });
}

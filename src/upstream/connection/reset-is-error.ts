import type { Socket } from 'node:net';
import { errors } from 'undici';

/**
 * Makes a reset of a connection to MAAS an error also where the response goes on until the connection's end. undici 7 takes
 * `ECONNRESET` for such an end, because macOS gives it after complete answers, and a truncated answer would look whole
 * (RFC 9112 §8).
 */
export function makeResetAnError(socket: Socket): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error?: Error): Socket =>
    destroy(error !== undefined && 'code' in error && error.code === 'ECONNRESET' ? wrapped(error) : error);
}

/** The same for undici by another code; what happened stays its cause. */
function wrapped(cause: Error): Error {
  return Object.assign(new errors.SocketError('the connection was reset'), { cause });
}

import type { Socket } from 'node:net';

/**
 * Why the proxy does not read from a connection: too many pipelined request headers wait on it, or its body came in a
 * flood of tiny pieces.
 */
export type StopReason = 'headers' | 'pieces';

const stopped = new WeakMap<Socket, Set<StopReason>>();

/**
 * Stops reading from a client's connection until `goOnReading` is called for the same reason. Requests in bytes that
 * were already read are still processed. `pause()` alone is not enough: Node resumes the socket after each message and
 * whenever a body is read.
 */
export function stopReading(socket: Socket, reason: StopReason): void {
  const reasons = stopped.get(socket);
  if (reasons !== undefined) {
    reasons.add(reason);
    return;
  }
  stopped.set(socket, new Set([reason]));
  socket.on('resume', stopAgain);
  socket.pause();
}

/** Resumes reading, if it was stopped for this reason alone. */
export function goOnReading(socket: Socket, reason: StopReason): void {
  const reasons = stopped.get(socket);
  if (reasons?.delete(reason) !== true || reasons.size > 0) return;
  stopped.delete(socket);
  socket.off('resume', stopAgain);
  socket.resume();
}

function stopAgain(this: Socket): void {
  this.pause();
}

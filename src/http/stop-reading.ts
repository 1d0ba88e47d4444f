import type { Socket } from 'node:net';

/** Why nothing is read from a connection: too many request heads wait on it, or its body came in a flood of tiny pieces. */
export type StopReason = 'heads' | 'pieces';

const stopped = new WeakMap<Socket, Set<StopReason>>();

/**
 * Reads nothing more from a client's connection until `goOnReading` for the same reason; what has been read already is still
 * taken for requests. `pause()` alone would not do: Node resumes the socket behind each message, and whenever somebody reads
 * a body.
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

/** Reads on, where reading was stopped for this reason alone. */
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

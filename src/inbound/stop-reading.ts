import type { Socket } from 'node:net';

const stopped = new WeakSet<Socket>();

/**
 * Reads nothing more from a client's connection until `goOnReading`; what has been read already is still taken for requests.
 * `pause()` alone would not do: Node resumes the socket behind each message, and whenever somebody reads a body.
 */
export function stopReading(socket: Socket): void {
  if (stopped.has(socket)) return;
  stopped.add(socket);
  socket.on('resume', stopAgain);
  socket.pause();
}

/** Reads on, where reading was stopped. */
export function goOnReading(socket: Socket): void {
  if (!stopped.delete(socket)) return;
  socket.off('resume', stopAgain);
  socket.resume();
}

function stopAgain(this: Socket): void {
  this.pause();
}

import type { Socket } from 'node:net';

/** The scheme by which a client has reached a connection of ours. */
export function schemeOf(socket: Socket): 'http' | 'https' {
  return 'encrypted' in socket ? 'https' : 'http';
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { hasBody } from '../http/request-body.ts';
import { maxFields, perField } from '../inbound/head-room.ts';

/** How often they are looked at while there are enough connections to fill the room, ms. */
const interval = 250;

/** Of a connection: how much had been read when its last head was complete; `NaN` while that request's body may come. */
interface Seen {
  read: number;
}

/**
 * Bounds the memory of heads that have begun and do not end: each may take 30 s, and somebody without a key may send any number
 * of them. Node tells nothing of them but how much it has read, so that is looked at now and then; where all together take
 * more than there is room for, the connections with the largest are closed. A head that comes in one piece never counts.
 *
 * @param room of all together, bytes
 * @param maxHead the largest head that Node reads, bytes
 */
export function boundUnfinishedHeads(server: Server, room: number, maxHead: number): void {
  const open = new Map<Socket, Seen>();
  /** With fewer connections there is always room. */
  const harmless = Math.floor(room / memoryOf(maxHead));
  let timer: NodeJS.Timeout | undefined;

  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    open.set(socket, { read: 0 });
    socket.once('close', () => {
      open.delete(socket);
      if (open.size > harmless) return;
      clearInterval(timer);
      timer = undefined;
    });
    if (open.size > harmless) timer ??= setInterval(look, interval).unref();
  });
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const seen = open.get(socket);
    if (seen === undefined) return;
    if (!hasBody(request)) {
      seen.read = socket.bytesRead;
      return;
    }
    seen.read = Number.NaN;
    response.once('close', () => {
      seen.read = socket.bytesRead;
    });
  });

  function look(): void {
    let taken = 0;
    const begun: { readonly socket: Socket; readonly bytes: number }[] = [];
    for (const [socket, { read }] of open) {
      const unfinished = socket.bytesRead - read;
      if (!(unfinished > 0)) continue;
      const bytes = memoryOf(unfinished);
      taken += bytes;
      begun.push({ socket, bytes });
    }
    if (taken <= room) return;
    begun.sort((one, other) => other.bytes - one.bytes);
    for (const { socket, bytes } of begun) {
      socket.destroy();
      taken -= bytes;
      if (taken <= room / 2) return;
    }
  }
}

/** The most memory that so much of a head may take, bytes: its text, and fields of six bytes (`a:b` and the line's end). */
function memoryOf(read: number): number {
  return read + Math.min(read / 6, maxFields) * perField;
}

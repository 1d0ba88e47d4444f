import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { hasBody } from '../http/request-body.ts';
import { maxFields, perField } from '../inbound/header-budget.ts';

/** How often incomplete headers are measured, while enough connections are open to exceed the bound, ms. */
const interval = 250;

/**
 * The bytes of a connection that had been read when its last headers were complete; `NaN` while a request's body may
 * come.
 */
interface Seen {
  read: number;
}

/**
 * Bounds the memory of incomplete request headers: each may take 30 s to arrive, and a client without a key may send
 * any number of them. Node only reports how many bytes it has read, so that number is checked periodically. If all
 * incomplete headers together exceed the bound, the connections with the largest are closed. Headers that arrive in one
 * piece never count.
 *
 * @param maxBytes the bound for all connections together
 * @param maxHeaderBytes the largest header section that Node reads
 */
export function boundIncompleteHeaders(server: Server, maxBytes: number, maxHeaderBytes: number): void {
  const open = new Map<Socket, Seen>();
  /** With fewer connections the bound cannot be exceeded. */
  const harmlessCount = Math.floor(maxBytes / memoryOf(maxHeaderBytes));
  let timer: NodeJS.Timeout | undefined;

  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    open.set(socket, { read: 0 });
    socket.once('close', () => {
      open.delete(socket);
      if (open.size > harmlessCount) return;
      clearInterval(timer);
      timer = undefined;
    });
    if (open.size > harmlessCount) timer ??= setInterval(enforce, interval).unref();
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

  function enforce(): void {
    let taken = 0;
    const incomplete: { readonly socket: Socket; readonly bytes: number }[] = [];
    for (const [socket, { read }] of open) {
      const unfinished = socket.bytesRead - read;
      if (!(unfinished > 0)) continue;
      const bytes = memoryOf(unfinished);
      taken += bytes;
      incomplete.push({ socket, bytes });
    }
    if (taken <= maxBytes) return;
    incomplete.sort((one, other) => other.bytes - one.bytes);
    for (const { socket, bytes } of incomplete) {
      socket.destroy();
      taken -= bytes;
      if (taken <= maxBytes / 2) return;
    }
  }
}

/**
 * The most memory that so many bytes of headers may take, bytes: their text, and fields of six bytes (`a:b` with its
 * line end).
 */
function memoryOf(read: number): number {
  return read + Math.min(read / 6, maxFields) * perField;
}

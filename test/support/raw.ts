// Both sides of the proxy as plain sockets, for bytes that an HTTP library does not send, or does not show.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** One side of a connection. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far, one character for each byte. */
  text(): string;
  /** Resolves with the first match in what was received; fails if the connection closes before. */
  received(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when the connection is closed, with how the other side closed it. */
  readonly closed: Promise<'closed' | 'reset'>;
}

/** Connects to a proxy; the connection closes with the test. */
export async function connectRaw(t: TestContext, url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  return watch(socket);
}

/** Sends these bytes, and reads until the proxy closes the connection; the request should ask for that. */
export async function sendRaw(
  t: TestContext,
  url: string,
  request: string,
): Promise<{ text: string; head: string; body: string; ending: 'closed' | 'reset' }> {
  const connection = await connectRaw(t, url);
  connection.socket.write(request, 'latin1');
  const ending = await connection.closed;
  const text = connection.text();
  const end = text.indexOf('\r\n\r\n');
  return { text, head: text.slice(0, end), body: text.slice(end + 4), ending };
}

/** A server in MAAS's place that works on bytes, not on HTTP. */
export interface RawMaas {
  readonly url: string;
  readonly connections: readonly RawConnection[];
}

/**
 * Starts the server, which stops with the test.
 *
 * @param onRequest called when the head of another request has arrived; `count` is 1 for the first of all
 */
export async function startRawMaas(
  t: TestContext,
  onRequest: (connection: RawConnection, count: number) => void,
): Promise<RawMaas> {
  const connections: RawConnection[] = [];
  let count = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = watch(socket);
    connections.push(connection);
    let seen = 0;
    socket.on('data', () => {
      const heads = connection.text().split('\r\n\r\n').length - 1;
      for (; seen < heads; seen += 1) {
        count += 1;
        onRequest(connection, count);
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    for (const { socket } of connections) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

function watch(socket: Socket): RawConnection {
  let text = '';
  let ending: 'closed' | 'reset' = 'closed';
  const watchers = new Set<() => void>();
  // Not `setEncoding`: other readers of the socket need bytes.
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (const check of watchers) check();
  });
  socket.on('error', () => {
    ending = 'reset';
  });
  const closed = new Promise<'closed' | 'reset'>((resolve) => {
    socket.once('close', () => resolve(ending));
  });
  return {
    socket,
    closed,
    text: () => text,
    received: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const match = pattern.exec(text);
          if (match === null) return;
          watchers.delete(check);
          resolve(match);
        };
        watchers.add(check);
        void closed.then(() => reject(new Error(`the connection closed without ${pattern}:\n${text}`)));
        check();
      }),
  };
}

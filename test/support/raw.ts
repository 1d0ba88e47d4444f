// Both sides of the proxy as bare sockets, for what an HTTP library is too polite to send, or to tell.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** One side of a connection. */
export interface RawConnection {
  readonly socket: Socket;
  /** All that came so far, one character for each byte. */
  text(): string;
  /** Resolves with the first match in what came; fails when the connection ends before. */
  received(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when the other side is gone, with how it went. */
  readonly closed: Promise<'closed' | 'reset'>;
}

/** Connects to a proxy; the connection ends with the test. */
export async function connectRaw(t: TestContext, url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  return watch(socket);
}

/** Sends these bytes and reads until the proxy closes; the request should ask it to. */
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

/** A server in MAAS's place that knows nothing of HTTP. */
export interface RawMaas {
  readonly url: string;
  readonly connections: readonly RawConnection[];
}

/**
 * Starts one, which ends with the test.
 *
 * @param onRequest called whenever the head of a further request has come; `count` is 1 for the first of all
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
  // Not `setEncoding`: what else reads the socket gets bytes.
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (const look of watchers) look();
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
        const look = (): void => {
          const match = pattern.exec(text);
          if (match === null) return;
          watchers.delete(look);
          resolve(match);
        };
        watchers.add(look);
        void closed.then(() => reject(new Error(`the connection ended without ${pattern}:\n${text}`)));
        look();
      }),
  };
}

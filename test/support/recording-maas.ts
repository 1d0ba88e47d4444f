import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A message as received, one character for each byte. */
export interface RawMessage {
  /** The request line or the status line. */
  readonly startLine: string;
  /** Names and values in order, without the white space around a value (RFC 9112 §5.1). */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A server in MAAS's place that reads bytes, and responds with bytes. */
export interface RecordingMaas {
  readonly url: string;
  readonly received: RawMessage[];
  /** Its response from now on, and whether it closes the connection after it. */
  response: { readonly bytes: string; readonly closes: boolean };
}

/** Starts the server, which stops with the test. Requests must have a Content-Length: it does not read chunks. */
export async function startRecordingMaas(t: TestContext): Promise<RecordingMaas> {
  const received: RawMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let bytes = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      bytes += text;
      for (let end = endOfRequest(bytes); end !== undefined; end = endOfRequest(bytes)) {
        received.push(readMessage(bytes.slice(0, end)));
        bytes = bytes.slice(end);
        socket.write(maas.response.bytes, 'latin1');
        if (maas.response.closes) socket.end();
      }
    });
    socket.on('error', () => {}); // a proxy that gives up shows it in its response
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const maas: RecordingMaas = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    response: { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', closes: false },
  };
  return maas;
}

/** Where the first request in these bytes ends, `undefined` if it is incomplete. */
function endOfRequest(bytes: string): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const length = Number(/\r\ncontent-length:[ \t]*(\d+)/i.exec(bytes.slice(0, headEnd))?.[1] ?? 0);
  const end = headEnd + 4 + length;
  return bytes.length < end ? undefined : end;
}

/** Parses a message; the body is everything after the head. */
export function readMessage(bytes: string): RawMessage {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const [startLine = '', ...lines] = bytes.slice(0, headEnd).split('\r\n');
  return {
    startLine,
    fields: lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), trimmed(line.slice(colon + 1))] as const;
    }),
    body: bytes.slice(headEnd + 4),
  };
}

/** Without the spaces and tabs around it; JavaScript's own `trim` removes more than these. */
export function trimmed(value: string): string {
  return value.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}

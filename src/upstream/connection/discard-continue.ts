import type { Socket } from 'node:net';

const requestLine = /^[A-Z-]+ \S+ HTTP\/1\.1\r\n/;

/**
 * Makes a connection to MAAS discard a 100 (Continue) response that was not requested. A client must accept one (RFC
 * 9110 §15.2), but undici 7 breaks the connection, and has no option against that.
 *
 * Only bytes between a request's headers and the first other byte are discarded, so that a body is never changed; with
 * `pipelining: 1` there is one response at a time.
 */
export function discardContinue(socket: Socket): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  const read = socket.read.bind(socket);
  let awaitsResponse = false;
  let held: Buffer | undefined;
  let discarded = 0;

  socket.write = (chunk: unknown, ...options: unknown[]): boolean => {
    if (typeof chunk === 'string' && requestLine.test(chunk)) {
      awaitsResponse = true;
      discarded = 0;
    }
    return write(chunk, ...options);
  };
  socket.read = (size?: number): unknown => {
    for (;;) {
      const chunk = read(size) as Buffer | null;
      if (!awaitsResponse || chunk === null) return chunk;
      let bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
      held = undefined;
      for (let end = endOfContinue(bytes); end > 0 && discarded < maxDiscarded; end = endOfContinue(bytes)) {
        bytes = bytes.subarray(end);
        discarded += end;
      }
      if (endOfContinue(bytes) === incomplete) {
        held = bytes;
      } else if (bytes.length > 0) {
        awaitsResponse = false;
        return bytes;
      }
    }
  };
}

/** How much is discarded before one response, bytes; undici gets what comes beyond, and refuses it. */
const maxDiscarded = 64 * 1024;

const incomplete = -1;

/** The length of a 100 response at the beginning; 0 for none, `incomplete` if more bytes are needed to know. */
function endOfContinue(bytes: Buffer): number {
  const start = bytes.toString('latin1', 0, 12);
  if (start === '' || !'HTTP/1.1 100'.startsWith(start.replace(/^HTTP\/1\.0/, 'HTTP/1.1'))) return 0;
  const end = bytes.indexOf('\r\n\r\n');
  // Longer ones go to undici, which refuses them.
  if (end === -1) return bytes.length > 8192 ? 0 : incomplete;
  return end + 4;
}

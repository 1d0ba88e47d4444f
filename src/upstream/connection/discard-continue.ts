import type { Socket } from 'node:net';

const requestLine = /^[A-Z-]+ \S+ HTTP\/1\.1\r\n/;

/**
 * Makes a connection to MAAS swallow a response 100 (Continue) that nobody has asked for. A client must cope with one
 * (RFC 9110 §15.2), and undici 7 breaks the connection instead, without an option against it.
 *
 * What is swallowed stands before the first other byte that follows a request's head, so that a body is never touched; with
 * `pipelining: 1` there is one response at a time.
 */
export function discardContinue(socket: Socket): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  const read = socket.read.bind(socket);
  let awaitsResponse = false;
  let held: Buffer | undefined;
  let swallowed = 0;

  socket.write = (chunk: unknown, ...rest: unknown[]): boolean => {
    if (typeof chunk === 'string' && requestLine.test(chunk)) {
      awaitsResponse = true;
      swallowed = 0;
    }
    return write(chunk, ...rest);
  };
  socket.read = (size?: number): unknown => {
    for (;;) {
      const chunk = read(size) as Buffer | null;
      if (!awaitsResponse || chunk === null) return chunk;
      let bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
      held = undefined;
      for (let end = endOfContinue(bytes); end > 0 && swallowed < maxSwallowed; end = endOfContinue(bytes)) {
        bytes = bytes.subarray(end);
        swallowed += end;
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

/** How much is swallowed before one response, bytes; undici is to see what comes beyond, and to refuse it. */
const maxSwallowed = 64 * 1024;

const incomplete = -1;

/** How many bytes at the beginning are a 100; 0 for none, `incomplete` where more must come to tell. */
function endOfContinue(bytes: Buffer): number {
  const start = bytes.toString('latin1', 0, 12);
  if (start === '' || !'HTTP/1.1 100'.startsWith(start.replace(/^HTTP\/1\.0/, 'HTTP/1.1'))) return 0;
  const end = bytes.indexOf('\r\n\r\n');
  // What is longer is no 100: undici is to see it, and to refuse it.
  if (end === -1) return bytes.length > 8192 ? 0 : incomplete;
  return end + 4;
}

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Ending } from './answers.ts';

/** A client that sends and reads bytes, and knows nothing of HTTP. */
export interface RawClient {
  /** What came so far, one character for each byte. */
  bytes(): string;
  ending(): Ending;
  send(text: string): void;
  halfClose(): void;
  /** Ends the connection by a reset. */
  abort(): void;
  /** Resolves when something comes or the connection ends, or after so many ms. */
  change(patience: number): Promise<void>;
}

/** Connects to a port of 127.0.0.1. */
export async function connectRaw(port: number): Promise<RawClient> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  let bytes = '';
  let ending: Ending = 'open';
  let wake: (() => void) | undefined;
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    bytes += text;
    wake?.();
  });
  const ended = (how: Ending): void => {
    if (ending === 'open') ending = how;
    wake?.();
  };
  socket.on('end', () => {
    // Node calls it an end, too, where the reset had come before the last bytes were read. Then nothing can be sent.
    if (socket.writable) socket.write('\r\n', (error) => ended(error ? 'reset' : 'closed'));
    else ended('closed');
  });
  socket.on('error', () => ended('reset'));
  return {
    bytes: () => bytes,
    ending: () => ending,
    send: (text) => void socket.write(text, 'latin1'),
    halfClose: () => void socket.end(),
    abort() {
      ending = 'reset';
      socket.resetAndDestroy();
    },
    change: (patience) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, patience);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}

import type { ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';
import type { Fields } from '../http/fields.ts';
import { endOrLinger } from './lingering-close.ts';
import type { SlowReaders } from './slow-readers.ts';
import { writeShortResponse } from './short-response.ts';

/** A client that reads nothing for this long is disconnected, ms. */
const readTimeoutMs = 300_000;

/** Writes the body of one response as fast as the client reads, through a compressing coder if one was chosen. */
export class BodyWriter {
  readonly #exchange: Exchange;
  readonly #client: ServerResponse;
  #coder: Transform | undefined;
  /** Runs while the client does not read. */
  #readerTimer: NodeJS.Timeout | undefined;
  #isEnded = false;
  readonly #slowReaders: SlowReaders;

  constructor(exchange: Exchange, slowReaders: SlowReaders) {
    this.#exchange = exchange;
    this.#slowReaders = slowReaders;
    this.#client = exchange.response;
  }

  /** Whether the complete response was written. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** From now on the body passes through a coder, which reads no faster than the client. */
  compress(coder: Transform): void {
    this.#coder = coder;
    coder.on('data', (chunk: Buffer) => {
      if (this.#send(chunk)) return;
      coder.pause();
      this.#waitForClient(() => coder.resume());
    });
    coder.once('end', () => this.#finish());
    coder.once('error', () => this.breakOff());
  }

  /**
   * @param onDrain called when the next chunk may come, if this returns `false`
   * @returns whether the next chunk may come immediately
   */
  write(chunk: Buffer, onDrain: () => void): boolean {
    if (this.#coder === undefined) {
      if (this.#send(chunk)) return true;
      this.#waitForClient(onDrain);
    } else {
      if (this.#coder.write(chunk)) return true;
      this.#coder.once('drain', onDrain);
    }
    return false;
  }

  /**
   * Writes a response with a buffered body in one piece, if it is short.
   *
   * @returns whether it was written
   */
  writeShortResponse(status: number, reason: string, headers: Fields, body: Buffer): boolean {
    if (this.#coder !== undefined || !writeShortResponse(this.#exchange, status, reason, headers, body)) return false;
    this.#isEnded = true;
    return true;
  }

  end(): void {
    if (this.#coder === undefined) this.#finish();
    else this.#coder.end();
  }

  /** Breaks the transfer by a reset if possible: an HTTP/1.0 client takes a mere close for the end of the response. */
  breakOff(): void {
    this.#coder?.destroy();
    const { socket } = this.#client;
    if (socket === null || 'encrypted' in socket || socket.remoteAddress === undefined) socket?.destroy();
    else socket.resetAndDestroy();
  }

  /** The client has disconnected. */
  close(): void {
    clearTimeout(this.#readerTimer);
    this.#slowReaders.resume(this.#client);
    this.#coder?.destroy();
  }

  /** @returns whether the client reads fast enough */
  #send(chunk: Buffer): boolean {
    this.#exchange.trace.bytesOut += chunk.length;
    return this.#client.write(chunk);
  }

  /** Continues when the client reads again; a client that reads nothing for too long is disconnected. */
  #waitForClient(resume: () => void): void {
    clearTimeout(this.#readerTimer);
    this.#readerTimer = setTimeout(() => this.#client.destroy(), readTimeoutMs);
    this.#client.once('drain', () => {
      clearTimeout(this.#readerTimer);
      this.#slowReaders.resume(this.#client);
      resume();
    });
    this.#slowReaders.wait(this.#client, () => this.#cut());
  }

  /** Disconnects the client, because others need the memory of its response. */
  #cut(): void {
    this.#exchange.trace.problem ??= new Problem(
      'client-gone',
      'The client read too slowly, and the memory that its response took was needed for others.',
    );
    this.breakOff();
  }

  #finish(): void {
    this.#isEnded = true;
    endOrLinger(this.#exchange);
    // Bytes below Node's high-water mark count too.
    if (this.#client.writableLength > 0) this.#slowReaders.wait(this.#client, () => this.#cut());
  }
}

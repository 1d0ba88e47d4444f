import { IncomingMessage } from 'node:http';
import { ByteBlocks, concatBlocks } from './byte-blocks.ts';
import { countTransferred } from './collect-by-bytes.ts';
import { goOnReading, stopReading } from './stop-reading.ts';

/** A piece of a body below this size is a small one, bytes. */
const smallPiece = 1024;

/** So many small ones go their way as they come, and so all of an ordinary body. */
const freePieces = 8;

/** How much of the small ones is gathered at the most, bytes. */
const maxGathered = 64 * 1024;

/**
 * After so many small ones a connection is not read for a while, ms: each costs the event loop a microsecond or two, whoever
 * reads it, and others wait meanwhile. Pieces of 100 bytes still come at 5 MB a second.
 */
const flood = { pieces: 1_000, pauseMs: 20 };

/** What each Buffer takes beside its bytes, for the garbage collector to be told of, bytes. */
const overhead = 1024;

/**
 * A request of Node's server whose body takes the memory of its bytes, also where it comes in a million chunks. Node makes a Buffer of each
 * chunk, however small, and bounds what waits to be read by bytes alone: the 128 KiB that a request may have waiting for its turn are 40 MB in
 * chunks of one byte. Here small ones are gathered, until the event loop has gone round, or until somebody reads.
 */
export class IncomingRequest extends IncomingMessage {
  #smallPieces = 0;
  #gathered: ByteBlocks | undefined;
  #isFlushing = false;
  /** For how long the connection is not to be read, ms. */
  #owedMs = 0;
  #isPausing = false;

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (!Buffer.isBuffer(chunk)) {
      this.#flush();
      return super.push(chunk, encoding);
    }
    countTransferred(chunk.length + overhead);
    if (chunk.length >= smallPiece) {
      this.#flush();
      return super.push(chunk);
    }
    this.#smallPieces += 1;
    if (this.#smallPieces <= freePieces) return super.push(chunk);
    if (this.#smallPieces % flood.pieces === 0) this.#owedMs += flood.pauseMs;
    if (this.#owedMs > 0) this.#pauseReading();
    this.#gathered ??= new ByteBlocks();
    this.#gathered.add(chunk);
    const { size } = this.#gathered;
    if (size >= maxGathered) return this.#flush();
    if (this.#isRead) this.#flushSoon();
    return this.readableLength + size < this.readableHighWaterMark;
  }

  override resume(): this {
    this.#flush();
    return super.resume();
  }

  /** Whether somebody waits for pieces; who begins to later calls `resume`. */
  get #isRead(): boolean {
    return this.readableFlowing === true || this.listenerCount('readable') > 0;
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      if (this.#isRead) this.#flush();
    });
  }

  /** What Node has read already still comes, and adds to the pause. */
  #pauseReading(): void {
    if (this.#isPausing) return;
    this.#isPausing = true;
    const { socket } = this;
    stopReading(socket, 'pieces');
    setImmediate(() => {
      setTimeout(() => {
        this.#isPausing = false;
        goOnReading(socket, 'pieces');
      }, this.#owedMs).unref();
      this.#owedMs = 0;
    });
  }

  /** @returns whether more may come */
  #flush(): boolean {
    if (this.#gathered === undefined || this.#gathered.size === 0 || this.destroyed) return true;
    return super.push(concatBlocks(this.#gathered.take()));
  }
}

import { IncomingMessage } from 'node:http';
import { ByteBlocks, concatBlocks } from './byte-blocks.ts';
import { countTransferred } from './collect-by-bytes.ts';
import { goOnReading, stopReading } from './stop-reading.ts';

/** A piece of a body below this size is a small one, bytes. */
const smallPiece = 1024;

/** So many small pieces pass as they come, which covers every ordinary body. */
const freePieces = 8;

/** The most bytes of small pieces that are collected. */
const maxGathered = 64 * 1024;

/**
 * The pause after so many small pieces, in which the connection is not read, ms. Each piece costs the event loop a
 * microsecond or two, while other clients wait. Pieces of 100 bytes still arrive at 5 MB/s.
 */
const flood = { pieces: 1_000, pauseMs: 20 };

/** The memory of a Buffer besides its content, counted for the garbage collection, bytes. */
const overhead = 1024;

/**
 * A request of Node's server whose body takes only the memory of its bytes, even in a million chunks. Node makes a
 * Buffer of each chunk, however small, and bounds what waits to be read by bytes alone: 128 KiB that wait in a queued
 * request take 40 MB in chunks of one byte. This class collects small pieces until the next iteration of the event
 * loop, or until they are read.
 */
export class IncomingRequest extends IncomingMessage {
  #smallPieces = 0;
  #gathered: ByteBlocks | undefined;
  #isFlushing = false;
  /** How long the connection must still be paused, ms. */
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

  /** Whether the body is being read; a later reader calls `resume`. */
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

  /** What Node has already read still arrives, and adds to the pause. */
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

  /** @returns whether more pieces may come */
  #flush(): boolean {
    if (this.#gathered === undefined || this.#gathered.size === 0 || this.destroyed) return true;
    return super.push(concatBlocks(this.#gathered.take()));
  }
}

import { IncomingMessage } from 'node:http';
import { ByteBlocks, joined } from './byte-blocks.ts';
import { countTransferred } from './collect-by-bytes.ts';

/** A piece of a body below this size is a small one, bytes. */
const smallPiece = 1024;

/** So many small ones go their way as they come, and so all of an ordinary body. */
const freePieces = 8;

/** How much of the small ones is gathered at the most, bytes. */
const maxGathered = 64 * 1024;

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

  /** @returns whether more may come */
  #flush(): boolean {
    if (this.#gathered === undefined || this.#gathered.size === 0 || this.destroyed) return true;
    return super.push(joined(this.#gathered.take()));
  }
}

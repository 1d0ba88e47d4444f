import { bodyReleased } from './collect-by-bytes.ts';

/** The size of the blocks that collect small pieces, bytes: a quarter of the bytes so far, within these bounds. */
const blockSize = { smallest: 1024, largest: 64 * 1024 };

/** A piece of this size gets a block of its own, bytes. */
const largePiece = 16 * 1024;

/**
 * Collects pieces of bytes in blocks. A Buffer takes some 300 bytes besides its content, so a body in chunks of one
 * byte, stored as separate Buffers, would take three hundred times its size.
 */
export class ByteBlocks {
  #blocks: Buffer[] = [];
  /** How much of the last block is filled, bytes. */
  #filled = 0;
  #size = 0;
  #capacity = 0;

  /** How many bytes have been added. */
  get size(): number {
    return this.#size;
  }

  /** How much memory they take, bytes. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Adds a piece. */
  add(piece: Buffer): void {
    const last = this.#blocks.at(-1);
    const fits = last === undefined ? 0 : Math.min(last.length - this.#filled, piece.length);
    if (last === undefined || (fits < piece.length && piece.length >= largePiece)) {
      // The first piece is usually the only one.
      this.#closeLast();
      this.#push(piece, piece.length);
    } else {
      piece.copy(last, this.#filled, 0, fits);
      this.#filled += fits;
      if (fits < piece.length) {
        const remaining = piece.length - fits;
        const size = Math.min(Math.max(this.#size >> 2, blockSize.smallest), blockSize.largest);
        const block = Buffer.allocUnsafeSlow(Math.max(size, remaining));
        piece.copy(block, 0, fits);
        this.#push(block, remaining);
      }
    }
    this.#size += piece.length;
  }

  /** Removes and returns all bytes, in one or several Buffers. */
  take(): readonly Buffer[] {
    this.#closeLast();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#filled = 0;
    this.#size = 0;
    this.#capacity = 0;
    return blocks;
  }

  #push(block: Buffer, filled: number): void {
    this.#blocks.push(block);
    this.#filled = filled;
    this.#capacity += block.length;
  }

  /** Trims the last block to its content; if it is mostly empty, the content is copied. */
  #closeLast(): void {
    const last = this.#blocks.at(-1);
    if (last === undefined || this.#filled === last.length) return;
    const used = last.subarray(0, this.#filled);
    const isWasteful = this.#filled < last.length / 2;
    this.#blocks[this.#blocks.length - 1] = isWasteful ? Buffer.from(used) : used;
    if (isWasteful) this.#capacity -= last.length - this.#filled;
  }
}

/** Joins blocks to one Buffer; a single block is not copied. */
export function concatBlocks(blocks: readonly Buffer[]): Buffer {
  const [first] = blocks;
  if (first !== undefined && blocks.length === 1) return first;
  const joined = Buffer.concat(blocks);
  bodyReleased(joined.length);
  return joined;
}

/** The total size of blocks, bytes. */
export function sizeOf(blocks: readonly Buffer[]): number {
  return blocks.reduce((size, { length }) => size + length, 0);
}

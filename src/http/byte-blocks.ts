import { bodyReleased } from './collect-by-bytes.ts';

/** How large the blocks are that small pieces are gathered in, bytes: a quarter of what there is already, within these bounds. */
const blockSize = { smallest: 1024, largest: 64 * 1024 };

/** A piece of this size is worth a block of its own, bytes. */
const largePiece = 16 * 1024;

/**
 * Bytes that come in pieces, gathered in blocks. A Buffer takes some 300 bytes beside those that it holds, so that a body in chunks of one
 * byte, kept as it comes, takes three hundred times its size.
 */
export class ByteBlocks {
  #blocks: Buffer[] = [];
  /** How much of the last block is filled, bytes. */
  #filled = 0;
  #size = 0;
  #capacity = 0;

  /** How many bytes have come. */
  get size(): number {
    return this.#size;
  }

  /** How much memory they take, bytes. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Takes a further piece. */
  add(piece: Buffer): void {
    const last = this.#blocks.at(-1);
    const fits = last === undefined ? 0 : Math.min(last.length - this.#filled, piece.length);
    if (last === undefined || (fits < piece.length && piece.length >= largePiece)) {
      // The first is mostly the only one.
      this.#closeLast();
      this.#push(piece, piece.length);
    } else {
      piece.copy(last, this.#filled, 0, fits);
      this.#filled += fits;
      if (fits < piece.length) {
        const rest = piece.length - fits;
        const size = Math.min(Math.max(this.#size >> 2, blockSize.smallest), blockSize.largest);
        const block = Buffer.allocUnsafeSlow(Math.max(size, rest));
        piece.copy(block, 0, fits);
        this.#push(block, rest);
      }
    }
    this.#size += piece.length;
  }

  /** All that has come, in as many Buffers as it takes; from here on there is nothing. */
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

  /** Cuts the last block to what is in it; where much of it is empty, that is given up. */
  #closeLast(): void {
    const last = this.#blocks.at(-1);
    if (last === undefined || this.#filled === last.length) return;
    const used = last.subarray(0, this.#filled);
    const isWasteful = this.#filled < last.length / 2;
    this.#blocks[this.#blocks.length - 1] = isWasteful ? Buffer.from(used) : used;
    if (isWasteful) this.#capacity -= last.length - this.#filled;
  }
}

/** The same in one Buffer; copied only where there are several. */
export function concatBlocks(blocks: readonly Buffer[]): Buffer {
  const [first] = blocks;
  if (first !== undefined && blocks.length === 1) return first;
  const whole = Buffer.concat(blocks);
  bodyReleased(whole.length);
  return whole;
}

/** How many bytes they are together. */
export function sizeOf(blocks: readonly Buffer[]): number {
  return blocks.reduce((size, { length }) => size + length, 0);
}

import { randomFillSync } from 'node:crypto';

/** Random bytes on stock: one call to the system's source for 128 nonces costs little more than one for a single nonce. */
const stock = Buffer.alloc(2048);
let used = stock.length;

/**
 * Random bytes from a cryptographic source, each given out once.
 *
 * @param bytes how many, at the most 2048
 * @returns hexadecimal, two digits for each
 */
export function randomHex(bytes: number): string {
  if (used + bytes > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  used += bytes;
  return stock.toString('hex', used - bytes, used);
}

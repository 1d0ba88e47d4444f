import { randomFillSync } from 'node:crypto';

/** A stock of random bytes: one call of the system for 128 nonces costs little more than a call for one nonce. */
const stock = Buffer.alloc(2048);
let used = stock.length;

/**
 * Random bytes from a cryptographic source, each used once.
 *
 * @param bytes how many, at most 2048
 * @returns hexadecimal, two digits per byte
 */
export function randomHex(bytes: number): string {
  if (used + bytes > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  used += bytes;
  return stock.toString('hex', used - bytes, used);
}

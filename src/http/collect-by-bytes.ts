import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes of bodies pass between two collections. */
const interval = 16 * 1024 * 1024;

let collect: ((options: { type: 'minor' | 'major' }) => void) | undefined;
let passed = 0;
let letGo = 0;

/**
 * Has the young garbage collected after every 16 MiB that pass. V8 feels little of the 64 KiB that hang off each small Buffer, and
 * lets hundreds of them lie: a transfer of 1 GiB took 60 MB more on Node 20 and 100 MB more on Node 26. `--optimize-for-size` keeps
 * memory as low, but collects all the time: twice the CPU for the same transfer, and a third more for small requests.
 *
 * This is for the whole process, and so for `serve` alone.
 */
export function collectByBytes(): void {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as typeof collect;
}

/** Told of each piece of a body that passes, bytes. */
export function countTransferred(bytes: number): void {
  passed += bytes;
  if (passed < interval) return;
  passed = 0;
  collect?.({ type: 'minor' });
}

/**
 * Told of a body that was held whole, and no longer is, bytes. By then it is old, so that only a full collection (some 10 ms) gives its
 * memory back; V8 would let some 60 MB of them lie.
 */
export function bodyReleased(bytes: number): void {
  letGo += bytes;
  if (letGo < interval) return;
  letGo = 0;
  collect?.({ type: 'major' });
}

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes of bodies pass between two garbage collections. */
const interval = 16 * 1024 * 1024;

let collect: ((options: { type: 'minor' | 'major' }) => void) | undefined;
let passed = 0;
let letGo = 0;

/**
 * Runs a minor garbage collection after every 16 MiB that pass. V8 does not notice the 64 KiB behind each small Buffer
 * object, and does not collect hundreds of them: a transfer of 1 GiB took 60 MB more on Node 20 and 100 MB more on Node
 * 26. `--optimize-for-size` saves as much memory, but collects all the time: twice the CPU for the same transfer, and a
 * third more for small requests.
 *
 * This affects the whole process, so only `serve` uses it.
 */
export function collectByBytes(): void {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as typeof collect;
}

/** Counts a piece of a body that passes, bytes. */
export function countTransferred(bytes: number): void {
  passed += bytes;
  if (passed < interval) return;
  passed = 0;
  collect?.({ type: 'minor' });
}

/**
 * Counts a buffered body that has been released, bytes. It is old by then, so only a full collection (some 10 ms) frees
 * its memory; V8 would delay that until some 60 MB have gathered.
 */
export function bodyReleased(bytes: number): void {
  letGo += bytes;
  if (letGo < interval) return;
  letGo = 0;
  collect?.({ type: 'major' });
}

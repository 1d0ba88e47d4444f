import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** How many symbolic links may follow each other; the same as Linux's limit. */
const mostLinks = 40;

/**
 * The canonical path of a file that may have several names by symbolic links, including those of its directories; also
 * for a file that does not exist yet, if a link leads to it.
 *
 * @throws {Error} the system's, if a directory does not exist, or links form a loop
 */
export function realPath(file: string): string {
  let path = resolve(file);
  for (let links = 0; links < mostLinks; links += 1) {
    path = join(realpathSync(dirname(path)), basename(path));
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return path;
    path = resolve(dirname(path), readlinkSync(path));
  }
  return realpathSync(path);
}

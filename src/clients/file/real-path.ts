import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** How many links may lead to each other; Linux follows as many. */
const mostLinks = 40;

/**
 * The one path of a file that may have several names by symbolic links, its directories' included; also of one that is not there
 * yet, where a link already leads to it.
 *
 * @throws {Error} the system's, where a directory does not exist, or links lead to themselves
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

import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file whose content changes while a program runs. */
export interface ChangingFile {
  readonly path: string;
  write(content: string): void;
}

/** The ways in which files are changed, by a name for each. */
export const waysToChange: Readonly<
  Record<string, (directory: string, name: string, content: string) => ChangingFile>
> = {
  /** A shell's `>`. */
  'truncated and written'(directory, name, content) {
    const path = join(directory, name);
    writeFileSync(path, content);
    return { path, write: (next) => writeFileSync(path, next) };
  },
  /** Most editors, and this program's own `keys`. */
  'replaced by rename'(directory, name, content) {
    const path = join(directory, name);
    writeFileSync(path, content);
    return {
      path,
      write(next) {
        writeFileSync(`${path}.new`, next);
        renameSync(`${path}.new`, path);
      },
    };
  },
  /** vim with `backupcopy=no`: for a moment the file does not exist. */
  'moved away and written anew'(directory, name, content) {
    const path = join(directory, name);
    writeFileSync(path, content);
    return {
      path,
      write(next) {
        renameSync(path, `${path}~`);
        writeFileSync(path, next);
        unlinkSync(`${path}~`);
      },
    };
  },
  /** A volume of a Kubernetes Secret: `key → ..data/key`, `..data → ..2024_…`, and `..data` is swapped. */
  'swapped like a Kubernetes Secret'(directory, name, content) {
    let count = 0;
    const write = (next: string): void => {
      count += 1;
      const version = `..2026_${count}`;
      mkdirSync(join(directory, version));
      writeFileSync(join(directory, version, name), next);
      symlinkSync(version, join(directory, '..data_tmp'));
      renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
    };
    write(content);
    symlinkSync(join('..data', name), join(directory, name));
    return { path: join(directory, name), write };
  },
};

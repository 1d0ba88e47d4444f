import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of a Kubernetes Secret, by their names. */
export type SecretFiles = Readonly<Record<string, string>>;

/**
 * Writes the files of a Secret as the kubelet does: `NAME → ..data/NAME`, `..data → ..2026_1`.
 *
 * @returns a function that replaces all contents atomically: it swaps `..data`
 */
export function laySecret(directory: string, files: SecretFiles): (files: SecretFiles) => void {
  let count = 0;
  const lay = (next: SecretFiles): void => {
    count += 1;
    const version = `..2026_${count}`;
    mkdirSync(join(directory, version), { recursive: true });
    for (const [name, content] of Object.entries(next)) writeFileSync(join(directory, version, name), content);
    symlinkSync(version, join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  };
  lay(files);
  for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(directory, name));
  return lay;
}

import { unwatchFile, watchFile } from 'node:fs';
import { ClientsError } from './client.ts';
import { readText } from './clients-file.ts';
import type { Registry } from './registry.ts';

/** How often the file is looked at, ms: a change is in force within a second. */
const interval = 400;

/**
 * Keeps a registry to its file.
 *
 * @param report told what has changed, or why a changed file is not taken over
 * @returns ends that
 */
export function watchClients(
  file: string,
  registry: Registry,
  report: (change: { clients: number } | { broken: string }) => void,
): () => void {
  const onChange = (): void => {
    try {
      registry.reload(readText(file));
      report({ clients: registry.count() });
    } catch (error) {
      if (!(error instanceof ClientsError)) throw error;
      report({ broken: error.message });
    }
  };
  watchFile(file, { interval, persistent: false }, onChange);
  return () => unwatchFile(file, onChange);
}

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { realPath } from './file/real-path.ts';
import type { Registry } from './registry.ts';
import { systemErrorCode } from '../system/system-error.ts';

/** How often a gateway saves when keys were last used, ms. */
const interval = 60_000;

/** When a key was last used, ms since 1970, by its consumer key. */
type LastUsed = ReadonlyMap<string, number>;

/**
 * The file next to the clients file that says when each key was last used. It may be missing, or be removed at any
 * time.
 */
function fileOf(clientsFile: string): string {
  try {
    // A link to the clients file leads to the same file.
    return `${realPath(clientsFile)}.used`;
  } catch {
    return `${clientsFile}.used`;
  }
}

/** Reads when keys were last used, as far as that is known. */
export function readLastUsed(clientsFile: string): LastUsed {
  try {
    return parse(readFileSync(fileOf(clientsFile), 'utf8'));
  } catch {
    return new Map();
  }
}

/**
 * Saves once a minute when keys were last used; several gateways may share the file.
 *
 * @param onFailure called once if the file cannot be written; the gateway continues without it
 * @returns saves a last time, and stops
 */
export function saveLastUsed(clientsFile: string, registry: Registry, onFailure: () => void): () => Promise<void> {
  const file = fileOf(clientsFile);
  let written = 0;
  let hasFailed = false;
  const write = async (): Promise<void> => {
    const uses = registry.uses();
    const newest = Math.max(0, ...uses.values());
    if (newest <= written) return;
    const temporary = `${file}.${randomBytes(6).toString('hex')}.new`;
    try {
      await writeFile(temporary, format(uses, parse(await readOrNone(file)), registry), {
        flag: 'wx',
        mode: 0o600,
      });
      await rename(temporary, file);
      written = newest;
    } catch {
      if (!hasFailed) onFailure();
      hasFailed = true;
      await rm(temporary, { force: true }).catch(() => {});
    }
  };
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(write);
  }, interval).unref();
  return async () => {
    clearInterval(timer);
    await writing.then(write);
  };
}

/** A file that exists but cannot be read must not be overwritten as if it were empty. */
async function readOrNone(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return '{}';
    throw error;
  }
}

/** Merges the times of existing keys: the later one counts. */
function format(ours: LastUsed, theirs: LastUsed, registry: Registry): string {
  const consumers = [...new Set([...theirs.keys(), ...ours.keys()])].filter(
    (consumer) => registry.find(consumer) !== undefined,
  );
  const latest = (consumer: string): number => Math.max(ours.get(consumer) ?? 0, theirs.get(consumer) ?? 0);
  return `${JSON.stringify(Object.fromEntries(consumers.map((consumer) => [consumer, new Date(latest(consumer))])), undefined, 2)}\n`;
}

function parse(text: string): LastUsed {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return new Map();
  }
  return new Map(
    Object.entries(data ?? {})
      .map(([consumer, moment]: [string, unknown]): [string, number] => [consumer, Date.parse(String(moment))])
      .filter(([, moment]) => !Number.isNaN(moment)),
  );
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SettingError } from './values.ts';

/** A login of the MAAS CLI. */
export interface Profile {
  readonly url: string;
  /** `consumer:token:secret` */
  readonly key: string;
  /** PEM text, if the login has a CA. */
  readonly ca: string | undefined;
  /** For messages: `profile lab of the MAAS CLI`. */
  readonly source: string;
}

/**
 * Reads a login that `maas login NAME …` has stored: SQLite in `~/.maascli.db`, table `profiles(name, data)`, with data
 * as JSON with `url`, `credentials` (three strings) and `cacerts`.
 *
 * @throws {SettingError} what is missing, and what to do
 */
export async function readProfile(name: string, home: string): Promise<Profile> {
  const file = join(home, '.maascli.db');
  if (!existsSync(file)) {
    throw new SettingError(`needs the MAAS CLI's logins in ${file}, which does not exist; run "maas login" first`);
  }
  const rows = await readRows(file);
  const row = rows.find((candidate) => candidate.name === name);
  if (row === undefined) {
    const known = rows.map((candidate) => candidate.name).join(', ') || 'none';
    throw new SettingError(`names the login "${name}", which ${file} does not have; it has: ${known}`);
  }
  const data = asLogin(row.data);
  if (data === undefined) throw new SettingError(`names the login "${name}", which holds no API key; log in again`);
  return { ...data, source: `profile ${name} of the MAAS CLI` };
}

/** The logins of the MAAS CLI that hold a key; none where there is no such file, or none that can be read. */
export async function readLogins(home: string): Promise<readonly { readonly name: string; readonly url: string }[]> {
  const file = join(home, '.maascli.db');
  if (!existsSync(file)) return [];
  try {
    return (await readRows(file)).flatMap(({ name, data }) => {
      const login = asLogin(data);
      return login === undefined ? [] : [{ name, url: login.url }];
    });
  } catch (error) {
    if (error instanceof SettingError) return [];
    throw error;
  }
}

async function readRows(file: string): Promise<{ name: string; data: string }[]> {
  // Loaded here because few users need it: it is a database compiled to WebAssembly.
  const { default: sqlite } = await import('node-sqlite3-wasm');
  try {
    const database = new sqlite.Database(file, { readOnly: true, fileMustExist: true });
    try {
      return database.all('SELECT name, data FROM profiles ORDER BY name').map((row) => ({
        name: String((row as Record<string, unknown>)['name']),
        data: String((row as Record<string, unknown>)['data']),
      }));
    } finally {
      database.close();
    }
  } catch {
    throw new SettingError(`needs the MAAS CLI's logins in ${file}, which cannot be read as such`);
  }
}

function asLogin(text: string): Omit<Profile, 'source'> | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { url, credentials, cacerts } = (data ?? {}) as { url?: unknown; credentials?: unknown; cacerts?: unknown };
  if (typeof url !== 'string' || !Array.isArray(credentials) || credentials.length !== 3) return undefined;
  return { url, key: credentials.join(':'), ca: typeof cacerts === 'string' && cacerts !== '' ? cacerts : undefined };
}

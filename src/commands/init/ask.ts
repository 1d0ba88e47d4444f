import { readLogins } from '../../config/profile.ts';
import type { Layers } from '../../config/layers/layers.ts';
import { settings } from '../../config/settings.ts';
import { SettingError } from '../../config/values.ts';
import { holdsKey } from '../../maas/mask-keys.ts';
import { visible } from '../../output/printable.ts';
import type { Connection } from './connection.ts';
import type { Prompts } from './prompts.ts';

/**
 * Asks which MAAS it is, and for the key.
 *
 * @param given what need not be asked, because flags say it
 * @param home where the MAAS CLI keeps its logins
 */
export async function askConnection(
  prompts: Prompts,
  given: Connection,
  layers: Layers,
  home: string,
): Promise<Connection> {
  if (given.has('profile')) return given;
  const connection = new Map(given);
  if (!given.has('maasUrl') && !given.has('apiKeyFile')) {
    const login = await askLogin(prompts, home);
    if (login !== undefined) return connection.set('profile', { text: login, source: 'the login' });
  }
  if (!given.has('maasUrl')) {
    const before = layers.found.get('maasUrl')?.text ?? '';
    const text = await prompts.text("MAAS's address, such as http://maas:5240", before, (typed) =>
      holdsKey(typed)
        ? 'That is an API key; the address comes first, and the key after it.'
        : mistakeIn("MAAS's address", typed, settings.maasUrl.read),
    );
    connection.set('maasUrl', { text, source: "MAAS's address" });
  }
  if (!given.has('apiKeyFile')) {
    const text = await prompts.secret('API key (in MAAS: your user name, "API keys"); it is not shown', (typed) =>
      mistakeIn('The key', typed, settings.apiKey.read),
    );
    connection.set('apiKey', { text, source: 'the terminal' });
  }
  return connection;
}

/** A login of the MAAS CLI; `undefined` where there is none, or another MAAS is meant. */
async function askLogin(prompts: Prompts, home: string): Promise<string | undefined> {
  const logins = await readLogins(home);
  if (logins.length === 0) return undefined;
  const options = logins.map(({ name, url }) => ({ value: `login ${name}`, label: visible(`${name}, ${url}`) }));
  const chosen = await prompts.choose('The MAAS CLI is logged in here. Which MAAS is it?', [
    ...options,
    { value: 'other', label: 'another: I give its address and a key' },
  ]);
  return chosen === 'other' ? undefined : chosen.slice('login '.length);
}

function mistakeIn(what: string, text: string, read: (text: string) => unknown): string | undefined {
  if (text === '') return `${what} is missing.`;
  try {
    read(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return `${what} ${error.message}.`;
  }
}

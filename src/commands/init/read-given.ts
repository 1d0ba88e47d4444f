import { ConfigurationError } from '../../config/configuration-error.ts';
import type { Layers } from '../../config/layers/layers.ts';
import { readSetting } from '../../config/read-setting.ts';
import type { Connection } from './connection.ts';

/** More than any key is long, characters. */
const longestInput = 4096;

/**
 * Without a terminal nothing is asked: the address comes from a flag or the environment, the key from standard input.
 *
 * @throws {ConfigurationError} what is missing
 */
export async function readGiven(given: Connection, layers: Layers): Promise<Connection> {
  if (given.has('profile')) return given;
  const connection = new Map(given);
  const url = layers.found.get('maasUrl');
  if (url === undefined) {
    throw new ConfigurationError([
      "MAAS's address is missing: add --maas-url, or --profile with a login of the MAAS CLI.",
    ]);
  }
  connection.set('maasUrl', url);
  if (!given.has('apiKeyFile')) {
    const mistakes: string[] = [];
    const key = { text: await readInput(), source: 'The key on standard input', rank: 0 };
    readSetting({ ...layers, found: new Map([['apiKey', key]]) }, 'apiKey', mistakes);
    if (mistakes.length > 0) throw new ConfigurationError(mistakes);
    connection.set('apiKey', { text: key.text, source: 'standard input' });
  }
  return connection;
}

async function readInput(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new ConfigurationError([
      'The key would be visible as you type, because the output is no terminal: leave the output alone, or pipe the key in, as in "maas-auth-proxy init --maas-url URL < KEY-FILE".',
    ]);
  }
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > longestInput) break;
  }
  if (text.trim() === '') {
    throw new ConfigurationError([
      'No key came on standard input: pipe it in, as in "maas-auth-proxy init --maas-url URL < KEY-FILE".',
    ]);
  }
  return text.trim();
}

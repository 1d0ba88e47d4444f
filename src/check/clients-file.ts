// The step that reads a gateway's clients file, and the files that it names.
import { besideClientsFile, hasExpired, policyFile, type Client } from '../clients/client.ts';
import { readClientsText } from '../clients/file/parse-clients.ts';
import { readClientsFile } from '../clients/file/clients-file.ts';
import { ClientsError } from '../clients/client.ts';
import { warningsAboutClients, othersMayWrite } from '../clients/warnings.ts';
import { othersMayRead } from '../config/files.ts';
import { readKeyFile } from '../config/key-file.ts';
import { readPolicyFile } from '../config/policy-file.ts';
import { SettingError } from '../config/values.ts';
import { explainIdleRules } from '../policy/known-operations.ts';
import { failed, type Finding } from './finding.ts';

/**
 * Is each client's entry valid, and each file that an entry names?
 *
 * @param now ms since 1970
 */
export function checkClientsFile(file: string, now: number): Finding {
  let text: string;
  try {
    text = readClientsFile(file);
  } catch (error) {
    if (!(error instanceof ClientsError)) throw error;
    return failed(`${file} ${error.message}`, 'keys add NAME makes one, and its first key.');
  }
  const { clients, mistakes } = readClientsText(text);
  const wrong = [...mistakes.map((mistake) => `it ${mistake}`), ...wrongFiles(file, clients)];
  if (wrong.length > 0) return failed(`${file}: ${shortened(wrong).join('\n')}`);
  const warnings = [...warningsAboutClients(file, clients, now), ...warningsAboutFiles(file, clients)];
  return {
    status: warnings.length === 0 ? 'ok' : 'warning',
    detail: `${file}, ${describe(clients, now)}`,
    remedy: warnings.length === 0 ? undefined : warnings.join('\n'),
  };
}

/** How many mistakes are shown; the others are shown when these are fixed. */
const mostShown = 20;

function shortened(sentences: readonly string[]): string[] {
  const more = sentences.length - mostShown;
  return more <= 0 ? [...sentences] : [...sentences.slice(0, mostShown), `and ${more} more`];
}

function describe(clients: readonly Client[], now: number): string {
  const names = new Set(clients.map(({ name }) => name)).size;
  const expired = clients.filter((client) => hasExpired(client, now)).length;
  const counts = [
    `${names} ${names === 1 ? 'client' : 'clients'}`,
    `${clients.length} ${clients.length === 1 ? 'key' : 'keys'}`,
  ];
  return `${counts.join(' with ')}${expired === 0 ? '' : `, ${expired} of them expired`}`;
}

/** The policy files and key files, each once, with the first client that names it. */
function namedFiles(
  clientsFile: string,
  clients: readonly Client[],
): Map<string, { content: 'policy' | 'key'; of: string }> {
  const files = new Map<string, { content: 'policy' | 'key'; of: string }>();
  for (const client of clients) {
    for (const [content, named] of [
      ['policy', policyFile(client)],
      ['key', client.maasKeyFile],
    ] as const) {
      if (named === undefined) continue;
      const path = besideClientsFile(clientsFile, named);
      if (!files.has(path)) files.set(path, { content, of: client.name });
    }
  }
  return files;
}

function wrongFiles(clientsFile: string, clients: readonly Client[]): string[] {
  return [...namedFiles(clientsFile, clients)].flatMap(([path, { content, of }]) => {
    try {
      if (content === 'policy') readPolicyFile(path);
      else readKeyFile(path);
      return [];
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      return [`it ${error.message}; it is to be the ${content === 'policy' ? 'policy' : 'MAAS key'} of ${of}`];
    }
  });
}

function warningsAboutFiles(clientsFile: string, clients: readonly Client[]): string[] {
  return [...namedFiles(clientsFile, clients)].flatMap(([path, { content }]) => {
    if (content === 'policy') {
      return othersMayWrite(path, 'change what clients may do').concat(
        explainIdleRules(readPolicyFile(path), `The policy file ${path}`),
      );
    }
    return othersMayRead(path) ? [`Every user of this machine may read the API key in ${path}; chmod 600 it.`] : [];
  });
}

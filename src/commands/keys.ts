import { hasExpired, namePattern, type Client } from '../clients/client.ts';
import { clientPolicy, ClientsError } from '../clients/client.ts';
import { changeClients, readClients } from '../clients/clients-file.ts';
import { parseDuration, parseEnd } from '../clients/duration.ts';
import { makeKey } from '../clients/new-key.ts';
import { ConfigurationError } from '../config/configuration.ts';
import type { Layers } from '../config/layers.ts';
import { RuleError } from '../policy/rule.ts';
import { complain, say, type Run } from './command.ts';

/** The keys of a gateway's clients: gives them out, lists them, ends them. */
export const keys: Run = async (layers) => {
  const [action = '', name = '', ...rest] = layers.positionals;
  const mistakes = [...layers.mistakes];
  const file = layers.found.get('clientsFile')?.text;
  if (file === undefined) mistakes.push('No clients file is named: set --clients-file or CLIENTS_FILE.');
  if (!['add', 'list', 'revoke', 'rotate'].includes(action))
    mistakes.push('keys needs one of add NAME, list, revoke NAME, rotate NAME.');
  else if ((action === 'list') !== (name === '') || rest.length > 0)
    mistakes.push(`keys ${action} needs ${action === 'list' ? 'no name' : 'one name'}.`);
  if (name !== '' && !namePattern.test(name)) {
    mistakes.push('A name is made of letters, digits and ".", "_", "@", "-", 64 at the most.');
  }
  if (mistakes.length > 0 || file === undefined) throw new ConfigurationError(mistakes);
  try {
    switch (action) {
      case 'add':
        return await add(file, name, layers);
      case 'rotate':
        return await rotate(file, name, layers);
      case 'revoke':
        return await revoke(file, name);
      default:
        return list(file);
    }
  } catch (error) {
    if (!(error instanceof ClientsError)) throw error;
    complain(`The clients file ${file} ${error.message}.`);
    return 1;
  }
};

async function add(file: string, name: string, layers: Layers): Promise<number> {
  const expires = readEnd(layers.extra.get('expires'));
  const maasKeyFile = layers.extra.get('maas-key-file');
  const policy = layers.found.get('policy');
  const { client, key } = makeKey({
    name,
    // The gateway's own POLICY is not meant here.
    policy: policy?.rank === 0 ? policy.text : 'standard',
    ...(expires !== undefined && { expires }),
    ...(typeof maasKeyFile === 'string' && { maasKeyFile }),
  });
  refuseUnknownPolicy(client);
  await changeClients(file, (clients) => {
    if (clients.some((other) => other.name === name)) {
      throw new ClientsError(`has a client ${name} already; rotate or revoke it`);
    }
    return [...clients, client];
  });
  say(key);
  return 0;
}

async function rotate(file: string, name: string, layers: Layers): Promise<number> {
  const overlap = layers.extra.get('overlap') ?? '24h';
  const span = typeof overlap === 'string' ? parseDuration(overlap) : undefined;
  if (span === undefined) throw new ConfigurationError(['--overlap must be a time span such as 24h or 30m.']);
  const end = new Date(Date.now() + span).toISOString();
  let made = '';
  await changeClients(file, (clients) => {
    const old = clients.findLast((client) => client.name === name);
    if (old === undefined) throw new ClientsError(`has no client ${name}`);
    const { client, key } = makeKey(old);
    made = key;
    const ending = clients.map((other) =>
      other.name === name && (other.expires === undefined || other.expires > end) ? { ...other, expires: end } : other,
    );
    return [...ending, client];
  });
  say(made);
  return 0;
}

async function revoke(file: string, name: string): Promise<number> {
  await changeClients(file, (clients) => {
    const left = clients.filter((client) => client.name !== name);
    if (left.length === clients.length) throw new ClientsError(`has no client ${name}`);
    return left;
  });
  say(`${name} gets in no more.`);
  return 0;
}

function list(file: string): number {
  const rows = readClients(file).map((client): [string, string, string, string] => [
    client.name,
    `${client.consumer.slice(0, 4)}…`,
    describePolicy(client),
    hasExpired(client, Date.now()) ? `expired ${client.expires}` : (client.expires ?? 'never'),
  ]);
  const table = [['NAME', 'KEY', 'POLICY', 'EXPIRES'] as const, ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => (row[column] as string).length)));
  for (const row of table)
    say(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  return 0;
}

function readEnd(text: string | true | undefined): string | undefined {
  if (typeof text !== 'string') return undefined;
  const end = parseEnd(text, Date.now());
  if (end === undefined) {
    throw new ConfigurationError(['--expires must be a time span such as 30d, or a date such as 2027-01-31.']);
  }
  return end;
}

function refuseUnknownPolicy(client: Client): void {
  try {
    clientPolicy(client);
  } catch (error) {
    if (error instanceof RuleError) throw new ConfigurationError([`--policy ${error.message}.`]);
    throw error;
  }
}

function describePolicy({ policy }: Client): string {
  if (policy === undefined) return "the gateway's";
  return typeof policy === 'string' ? policy : `${policy.length} rules`;
}

import { hasExpired, type Client } from '../clients/client.ts';
import { readClients } from '../clients/clients-file.ts';
import { readLastUsed } from '../clients/last-used.ts';
import { say } from './command.ts';

const head = ['NAME', 'KEY', 'POLICY', 'LIMITS', 'EXPIRES', 'LAST USED'] as const;

/** Writes a line for each key: whose it is, and what may be done with it; of the key itself its first letters. */
export function listKeys(file: string): number {
  const lastUsed = readLastUsed(file);
  const rows = readClients(file).map((client) => [
    client.name,
    `${client.consumer.slice(0, 4)}…`,
    describePolicy(client),
    describeLimits(client),
    describeEnd(client),
    describeUse(lastUsed.get(client.consumer)),
  ]);
  const table: readonly (readonly string[])[] = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table)
    say(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  return 0;
}

/** A client's policy in a word or two. */
export function describePolicy({ policy }: Client): string {
  if (policy === undefined) return "the gateway's";
  if (typeof policy === 'string') return policy;
  return policy.length === 1 ? '1 rule' : `${policy.length} rules`;
}

/** When a key ends, or has ended. */
export function describeEnd(client: Client): string {
  if (client.expires === undefined) return 'never';
  return hasExpired(client, Date.now()) ? `expired ${client.expires}` : client.expires;
}

function describeLimits({ limits }: Client): string {
  const { perMinute, atOnce } = limits ?? {};
  const said = [
    perMinute === undefined ? [] : `${perMinute} a minute`,
    atOnce === undefined ? [] : `${atOnce} at once`,
  ];
  return said.flat().join(', ') || '–';
}

/** To the minute, because that is how often a gateway writes it down. */
function describeUse(moment: number | undefined): string {
  return moment === undefined ? 'unknown' : `${new Date(moment).toISOString().slice(0, 16)}Z`;
}

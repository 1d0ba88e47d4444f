import { besideClientsFile, ClientsError, policyFile, type Client } from '../../clients/client.ts';
import { readClients } from '../../clients/file/clients-file.ts';
import { readLastUsed } from '../../clients/last-used.ts';
import { readPolicyFile } from '../../config/policy-file.ts';
import { SettingError } from '../../config/values.ts';
import { nearest } from '../../spelling/nearest.ts';
import { say } from '../command.ts';
import {
  describeEnd,
  describeKey,
  describeLimits,
  describePolicy,
  describeUse,
  ownRules,
  showForScripts,
} from './describe-key.ts';

const head = ['NAME', 'KEY', 'POLICY', 'LIMITS', 'EXPIRES', 'LAST USED'] as const;

/** Prints a line for each key: its client, policy, limits and dates; of the key itself only the first letters. */
export function listKeys(file: string, forScripts: boolean): number {
  const clients = readClients(file);
  const lastUsed = readLastUsed(file);
  if (forScripts) {
    sayJson(clients, lastUsed);
    return 0;
  }
  const rows = clients.map((client) => [
    client.name,
    describeKey(client),
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

/**
 * Prints everything that the file has about a client: one block per key.
 *
 * @throws {ClientsError} that there is no such client
 */
export function showKeys(file: string, name: string, forScripts: boolean): number {
  const all = readClients(file);
  const clients = all.filter((client) => client.name === name);
  if (clients.length === 0) {
    const meant = nearest(
      name,
      all.map((client) => client.name),
    );
    throw new ClientsError(`has no client ${name}${meant === undefined ? '' : `; it has one called ${meant}`}`);
  }
  const lastUsed = readLastUsed(file);
  if (forScripts) {
    sayJson(clients, lastUsed);
    return 0;
  }
  for (const [index, client] of clients.entries()) {
    if (index > 0) say();
    say(`name       ${client.name}`);
    say(`key        ${describeKey(client)}`);
    say(`policy     ${describePolicy(client)}${noteOnFile(client, file)}`);
    for (const rule of ownRules(client)) say(`           ${rule}`);
    say(`limits     ${describeLimits(client)}`);
    say(`expires    ${describeEnd(client)}`);
    say(`last used  ${describeUse(lastUsed.get(client.consumer))}`);
    say(`MAAS key   ${client.maasKeyFile === undefined ? "the gateway's" : `in ${client.maasKeyFile}`}`);
  }
  return 0;
}

function sayJson(clients: readonly Client[], lastUsed: ReadonlyMap<string, number>): void {
  const keys = clients.map((client) => showForScripts(client, lastUsed.get(client.consumer)));
  say(JSON.stringify({ keys }, undefined, 2));
}

/** The number of rules in a policy file, or what is wrong with the file. */
function noteOnFile(client: Client, clientsFile: string): string {
  const named = policyFile(client);
  if (named === undefined) return '';
  try {
    const { rules } = readPolicyFile(besideClientsFile(clientsFile, named));
    return `, now ${rules.length} rules`;
  } catch (error) {
    if (error instanceof SettingError) return `; it cannot be used now: it ${error.message}`;
    throw error;
  }
}

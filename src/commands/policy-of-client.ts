import { besideClientsFile, clientPolicy, ClientsError, policyFile } from '../clients/client.ts';
import { readClients } from '../clients/file/clients-file.ts';
import type { Layers } from '../config/layers/layers.ts';
import { readPolicyFile } from '../config/policy-file.ts';
import { SettingError } from '../config/values.ts';
import type { Policy } from '../policy/policy.ts';
import { RuleError } from '../policy/rule.ts';
import { nearest } from '../spelling/nearest.ts';

/** A policy, and in words whose it is. */
export interface PolicyInForce {
  readonly policy: Policy;
  /** `, that of alice`; empty where no client was asked about. */
  readonly note: string;
}

/**
 * The policy that is in force for the client that `--client` names, as the clients file is now; the gateway's where no client is
 * named, or it has none of its own.
 *
 * @param gateways the gateway's policy
 * @param mistakes gets a sentence when it cannot be told
 */
export function policyOfClient(
  { extra, found }: Layers,
  gateways: Policy,
  mistakes: string[],
): PolicyInForce | undefined {
  const name = extra.get('client');
  if (typeof name !== 'string') return { policy: gateways, note: '' };
  const file = found.get('clientsFile')?.text;
  if (file === undefined) {
    mistakes.push('--client needs a clients file: set --clients-file or CLIENTS_FILE.');
    return undefined;
  }
  try {
    const own = ownPolicy(file, name);
    return own === undefined
      ? { policy: gateways, note: `, the gateway's, since ${name} has none of its own` }
      : { policy: own, note: `, that of ${name}` };
  } catch (error) {
    if (!(error instanceof ClientsError || error instanceof SettingError || error instanceof RuleError)) throw error;
    mistakes.push(`The clients file ${file} ${error.message}.`);
    return undefined;
  }
}

function ownPolicy(file: string, name: string): Policy | undefined {
  const clients = readClients(file);
  const client = clients.findLast((candidate) => candidate.name === name);
  if (client === undefined) {
    const meant = nearest(
      name,
      clients.map((candidate) => candidate.name),
    );
    throw new ClientsError(`has no client ${name}${meant === undefined ? '' : `; it has one called ${meant}`}`);
  }
  const named = policyFile(client);
  return named === undefined ? clientPolicy(client) : readPolicyFile(besideClientsFile(file, named), undefined, named);
}

import { besideClientsFile, clientPolicy, ClientsError, policyFile } from '../clients/client.ts';
import { readClients } from '../clients/file/clients-file.ts';
import type { Layers } from '../config/layers/layers.ts';
import { readPolicyFile } from '../config/policy-file.ts';
import { SettingError } from '../config/values.ts';
import type { Policy } from '../policy/policy.ts';
import { RuleError } from '../policy/rule.ts';
import { nearest } from '../spelling/nearest.ts';

/** A policy, and a note that names its owner. */
export interface PolicyInForce {
  readonly policy: Policy;
  /** `, that of alice`; empty without `--client`. */
  readonly note: string;
}

/**
 * The policy of the client that `--client` names, from the current clients file. It is the gateway's policy if no
 * client is named, or if the client has no policy of its own.
 *
 * @param gatewayPolicy the gateway's policy
 * @param mistakes gets a sentence if the policy cannot be read
 */
export function policyOfClient(
  { extra, found }: Layers,
  gatewayPolicy: Policy,
  mistakes: string[],
): PolicyInForce | undefined {
  const name = extra.get('client');
  if (typeof name !== 'string') return { policy: gatewayPolicy, note: '' };
  const file = found.get('clientsFile')?.text;
  if (file === undefined) {
    mistakes.push('--client needs a clients file: set --clients-file or CLIENTS_FILE.');
    return undefined;
  }
  try {
    const own = ownPolicy(file, name);
    return own === undefined
      ? { policy: gatewayPolicy, note: `, the gateway's, since ${name} has none of its own` }
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

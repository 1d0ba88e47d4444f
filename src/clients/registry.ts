import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { resolve, dirname } from 'node:path';
import { ApiKey, ApiKeyError } from '../maas/api-key.ts';
import { createSigner, type Signer } from '../maas/signature.ts';
import type { Policy } from '../policy/policy.ts';
import { clientPolicy, ClientsError, type Client } from './client.ts';
import { readClients } from './clients-file.ts';

/** A client as requests need it. */
export interface KnownClient {
  readonly client: Client;
  readonly policy: Policy;
  /** Signs with the client's own MAAS key, where it has one. */
  readonly signer: Signer | undefined;
}

/** The clients of a gateway, by their consumer key. */
export interface Registry {
  find(consumer: string): KnownClient | undefined;
  count(): number;
  /** Stops watching the file. */
  close(): void;
}

/** How often the file is looked at, ms: a change is in force within a second. */
const interval = 400;

/**
 * Reads a clients file and keeps to it: it is read again when it changes, also by a rename or a symbolic link that now leads
 * elsewhere (as Kubernetes changes a Secret). A broken one leaves the last good one in force.
 *
 * @param report told what has changed, or why a changed file is not taken over
 * @throws {ClientsError} when the file cannot be read at the start
 */
export function openRegistry(
  file: string,
  report: (change: { clients: number } | { broken: string }) => void,
): Registry {
  let known = load(file);
  const onChange = (): void => {
    try {
      known = load(file);
      report({ clients: known.size });
    } catch (error) {
      if (!(error instanceof ClientsError)) throw error;
      report({ broken: error.message });
    }
  };
  watchFile(file, { interval, persistent: false }, onChange);
  return {
    find: (consumer) => known.get(consumer),
    count: () => known.size,
    close: () => unwatchFile(file, onChange),
  };
}

function load(file: string): Map<string, KnownClient> {
  const entries = readClients(file).map((client): [string, KnownClient] => [
    client.consumer,
    { client, policy: clientPolicy(client), signer: ownSigner(client, file) },
  ]);
  return new Map(entries);
}

/** A relative `maasKeyFile` lies beside the clients file. */
function ownSigner({ name, maasKeyFile }: Client, file: string): Signer | undefined {
  if (maasKeyFile === undefined) return undefined;
  try {
    return createSigner(ApiKey.parse(readFileSync(resolve(dirname(file), maasKeyFile), 'utf8')));
  } catch (error) {
    const why = error instanceof ApiKeyError ? `its key ${error.message}` : 'it cannot be read';
    throw new ClientsError(`names the MAAS key file ${maasKeyFile} for ${name}: ${why}`);
  }
}

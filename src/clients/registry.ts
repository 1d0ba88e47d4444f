import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ApiKey, ApiKeyError } from '../maas/api-key.ts';
import { createSigner, type Signer } from '../maas/signature.ts';
import type { Policy } from '../policy/policy.ts';
import { clientPolicy, ClientsError, endOf, parseClients, type Client } from './client.ts';

/** A client as requests need it. */
export interface KnownClient {
  readonly client: Client;
  /** When the key stops working, ms since 1970. */
  readonly endsAt: number;
  /** Its own policy; `undefined` where the gateway's is in force. */
  readonly policy: Policy | undefined;
  /** Signs with the client's own MAAS key, where it has one; one and the same for all clients with that key. */
  readonly signer: Signer | undefined;
}

/** The clients of a gateway, by their consumer key. */
export interface Registry {
  find(consumer: string): KnownClient | undefined;
  /** How many keys there are, the expired ones included. */
  count(): number;
  /** All keys, one client's two included. */
  keys(): Iterable<Client>;
  /** Notes that a key was used. @param now ms since 1970 */
  noteUse(consumer: string, now: number): void;
  /** When each key was last used here, ms since 1970, by its consumer key. */
  uses(): ReadonlyMap<string, number>;
  /** The MAAS key files that the clients file names; a change of one asks for a `reload` too. */
  keyFiles(): readonly string[];
  /**
   * Takes a clients file over, and the key files that it names: whole, or not at all. Requests under way go on as they began.
   *
   * @throws {ClientsError} what is wrong with it; the clients from before stay in force
   */
  reload(text: string): void;
}

/** What a clients file and the key files that it names have come to. */
interface Loaded {
  readonly clients: ReadonlyMap<string, KnownClient>;
  /** By the whole key. */
  readonly signers: ReadonlyMap<string, Signer>;
  readonly keyFiles: readonly string[];
}

/**
 * Makes a registry of the text of a clients file.
 *
 * @param directory the file's: relative names of key files begin there
 * @throws {ClientsError} what is wrong with the file
 */
export function createRegistry(text: string, directory: string): Registry {
  let loaded = load(text, directory, new Map());
  const uses = new Map<string, number>();
  return {
    find: (consumer) => loaded.clients.get(consumer),
    count: () => loaded.clients.size,
    keys: () => Array.from(loaded.clients.values(), ({ client }) => client),
    noteUse: (consumer, now) => void uses.set(consumer, now),
    uses: () => uses,
    keyFiles: () => loaded.keyFiles,
    reload(newText) {
      loaded = load(newText, directory, loaded.signers);
    },
  };
}

function load(text: string, directory: string, before: Loaded['signers']): Loaded {
  const signers = new Map<string, Signer>();
  const byFile = new Map<string, Signer>();
  const ownSigner = (client: Client): Signer | undefined => {
    if (client.maasKeyFile === undefined) return undefined;
    const file = resolve(directory, client.maasKeyFile);
    const found = byFile.get(file);
    if (found !== undefined) return found;
    const key = readMaasKey(file, client);
    const whole = `${key.consumer}:${key.token}:${key.revealSecret()}`;
    // Who signs with the same key, before a reload and after, has the same signer: reads may be joined by it.
    const signer = signers.get(whole) ?? before.get(whole) ?? createSigner(key);
    signers.set(whole, signer);
    byFile.set(file, signer);
    return signer;
  };
  const clients = new Map(
    parseClients(text).map((client): [string, KnownClient] => [
      client.consumer,
      { client, endsAt: endOf(client), policy: clientPolicy(client), signer: ownSigner(client) },
    ]),
  );
  return { clients, signers, keyFiles: [...byFile.keys()] };
}

function readMaasKey(file: string, { name, maasKeyFile }: Client): ApiKey {
  try {
    return ApiKey.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof ApiKeyError ? `its key ${error.message}` : 'it cannot be read';
    throw new ClientsError(`names the MAAS key file ${maasKeyFile} for ${name}: ${why}`);
  }
}

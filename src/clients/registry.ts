import type { Signer } from '../maas/signature.ts';
import type { Policy } from '../policy/policy.ts';
import { clientPolicy, endOf, policyFile, type Client } from './client.ts';
import { parseClients } from './file/parse-clients.ts';

/** A client with everything that its requests need. */
export interface ActiveClient {
  readonly client: Client;
  /** When the key expires, ms since 1970. */
  readonly endsAt: number;
  /** Its own policy; `undefined` if the gateway's applies. */
  readonly policy: Policy | undefined;
  /** Signs with the client's own current MAAS key, if it has one; the same function for all clients with that key. */
  readonly signer: Signer | undefined;
}

/** The clients of a gateway, by their consumer key. */
export interface Registry {
  find(consumer: string): ActiveClient | undefined;
  /** The keys of the client with a name; there are two during a rotation. */
  named(name: string): readonly ActiveClient[];
  /** The name of the client whose key was removed, as far as this process has seen the removal. */
  formerly(consumer: string): string | undefined;
  /** How many keys there are, including expired ones. */
  count(): number;
  /** All keys, including both keys of a client during a rotation. */
  keys(): Iterable<Client>;
  /** Notes the use of a key. @param now ms since 1970 */
  noteUse(consumer: string, now: number): void;
  /** When each key was last used here, ms since 1970, by its consumer key. */
  uses(): ReadonlyMap<string, number>;
}

/**
 * Creates a registry of the current clients.
 *
 * @param current the clients by their consumer key; called for each lookup
 */
export function createRegistry(current: () => ReadonlyMap<string, ActiveClient>): Registry {
  const uses = new Map<string, number>();
  let named:
    { readonly of: ReturnType<typeof current>; readonly byName: ReadonlyMap<string, ActiveClient[]> } | undefined;
  return {
    find: (consumer) => current().get(consumer),
    named(name) {
      const of = current();
      if (named?.of !== of) named = { of, byName: groupByName(of.values()) };
      return named.byName.get(name) ?? [];
    },
    formerly: trackFormerKeys(current),
    count: () => current().size,
    keys: () => Array.from(current().values(), ({ client }) => client),
    noteUse: (consumer, now) => void uses.set(consumer, now),
    uses: () => uses,
  };
}

/** How many removed keys are remembered; beyond this bound the oldest are forgotten. */
const maxFormer = 10_000;

/** @returns the name of the client that had a key which has been removed since this was created */
function trackFormerKeys(current: () => ReadonlyMap<string, ActiveClient>): (consumer: string) => string | undefined {
  const former = new Map<string, string>();
  let seen = current();
  return (consumer) => {
    const now = current();
    if (now !== seen) {
      for (const [gone, { client }] of seen) if (!now.has(gone)) former.set(gone, client.name);
      seen = now;
      for (const [oldest] of former) {
        if (former.size <= maxFormer) break;
        former.delete(oldest);
      }
    }
    return now.has(consumer) ? undefined : former.get(consumer);
  };
}

function groupByName(clients: Iterable<ActiveClient>): ReadonlyMap<string, ActiveClient[]> {
  const byName = new Map<string, ActiveClient[]>();
  for (const known of clients) {
    const others = byName.get(known.client.name);
    if (others === undefined) byName.set(known.client.name, [known]);
    else others.push(known);
  }
  return byName;
}

/**
 * Parses a clients file for requests.
 *
 * @param ownSigner gives the current signer of a client with its own MAAS key
 * @param ownPolicy gives the current policy of a client whose rules are in a file
 * @returns the clients by their consumer key
 * @throws {ClientsError} what is wrong with it
 */
export function readActiveClients(
  text: string,
  ownSigner: (client: Client, maasKeyFile: string) => () => Signer,
  ownPolicy: (client: Client, file: string) => () => Policy,
): ReadonlyMap<string, ActiveClient> {
  return new Map(
    parseClients(text).map((client): [string, ActiveClient] => {
      const own = client.maasKeyFile === undefined ? undefined : ownSigner(client, client.maasKeyFile);
      const held = clientPolicy(client);
      const file = policyFile(client);
      const followed = file === undefined ? () => held : ownPolicy(client, file);
      const known = {
        client,
        endsAt: endOf(client),
        get policy() {
          return followed();
        },
        get signer() {
          return own?.();
        },
      };
      return [client.consumer, known];
    }),
  );
}

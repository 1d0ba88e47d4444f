import type { Signer } from '../maas/signature.ts';
import type { Policy } from '../policy/policy.ts';
import { clientPolicy, endOf, policyFile, type Client } from './client.ts';
import { parseClients } from './file/parse-clients.ts';

/** A client as requests need it. */
export interface ActiveClient {
  readonly client: Client;
  /** When the key stops working, ms since 1970. */
  readonly endsAt: number;
  /** Its own policy; `undefined` where the gateway's is in force. */
  readonly policy: Policy | undefined;
  /** Signs with the client's own MAAS key in force, where it has one; one and the same for all clients with that key. */
  readonly signer: Signer | undefined;
}

/** The clients of a gateway, by their consumer key. */
export interface Registry {
  find(consumer: string): ActiveClient | undefined;
  /** The keys of the client with a name; it has two while it changes from one to the other. */
  named(name: string): readonly ActiveClient[];
  /** Whose key it was that is in the file no more, as far as this process has seen it go. */
  formerly(consumer: string): string | undefined;
  /** How many keys there are, the expired ones included. */
  count(): number;
  /** All keys, one client's two included. */
  keys(): Iterable<Client>;
  /** Notes that a key was used. @param now ms since 1970 */
  noteUse(consumer: string, now: number): void;
  /** When each key was last used here, ms since 1970, by its consumer key. */
  uses(): ReadonlyMap<string, number>;
}

/**
 * Makes a registry of the clients in force.
 *
 * @param inForce by their consumer key; asked for each look-up
 */
export function createRegistry(inForce: () => ReadonlyMap<string, ActiveClient>): Registry {
  const uses = new Map<string, number>();
  let named:
    { readonly of: ReturnType<typeof inForce>; readonly byName: ReadonlyMap<string, ActiveClient[]> } | undefined;
  return {
    find: (consumer) => inForce().get(consumer),
    named(name) {
      const of = inForce();
      if (named?.of !== of) named = { of, byName: groupByName(of.values()) };
      return named.byName.get(name) ?? [];
    },
    formerly: createMemoryOfFormerKeys(inForce),
    count: () => inForce().size,
    keys: () => Array.from(inForce().values(), ({ client }) => client),
    noteUse: (consumer, now) => void uses.set(consumer, now),
    uses: () => uses,
  };
}

/** How many keys are remembered that are gone; beyond that the oldest are forgotten first. */
const maxFormer = 10_000;

/** @returns the name of the client that had a key which has gone since this was made */
function createMemoryOfFormerKeys(
  inForce: () => ReadonlyMap<string, ActiveClient>,
): (consumer: string) => string | undefined {
  const former = new Map<string, string>();
  let seen = inForce();
  return (consumer) => {
    const now = inForce();
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
 * Reads the text of a clients file.
 *
 * @param ownSigner gives the signer in force of a client that has a MAAS key of its own
 * @param ownPolicy gives the policy in force of a client whose rules are in a file
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

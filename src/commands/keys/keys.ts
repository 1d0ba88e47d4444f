import { anonymousName, ClientsError, endOf, hasExpired, namePattern, type Client } from '../../clients/client.ts';
import { changeClients, countOtherNames } from '../../clients/file/clients-file.ts';
import { makeKey } from '../../clients/new-key.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import type { Layers } from '../../config/layers/layers.ts';
import { nearest } from '../../spelling/nearest.ts';
import { complain, say, type Run } from '../command.ts';
import { applyChanges, readChanges, readSpan } from './key-flags.ts';
import { listKeys, showKeys } from './list-keys.ts';
import { describePolicy } from './describe-key.ts';

/** Adds, changes, shows, rotates and revokes the keys of a gateway's clients. */
export const keys: Run = async (layers) => {
  const { action, name, file } = readWords(layers);
  try {
    const others = countOtherNames(file);
    switch (action) {
      case 'add':
        await add(file, name, layers);
        break;
      case 'set':
        await set(file, name, layers);
        break;
      case 'rotate':
        await rotate(file, name, layers);
        break;
      case 'revoke':
        await revoke(file, name);
        break;
      case 'show':
        return showKeys(file, name, layers.extra.has('json'));
      case 'list':
        return listKeys(file, layers.extra.has('json'));
    }
    if (others > 0) {
      complain(
        `The clients file ${file} had ${others === 1 ? 'another hard link' : `${others} other hard links`}, which ${others === 1 ? 'keeps' : 'keep'} the old content: a gateway that reads the file there does not see this change.`,
      );
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ClientsError)) throw error;
    complain(`The clients file ${file} ${error.message}.`);
    return 1;
  }
};

const whatItMay = ['policy', 'expires', 'maas-key-file', 'per-minute', 'at-once'] as const;

/** The actions, each with its flags. */
const actions = {
  add: whatItMay,
  set: whatItMay,
  show: ['json'],
  list: ['json'],
  rotate: ['expires', 'overlap'],
  revoke: [],
} as const satisfies Record<string, readonly string[]>;

type Action = keyof typeof actions;

function readWords({ positionals, mistakes: before, found, extra }: Layers): {
  action: Action;
  name: string;
  file: string;
} {
  // A word after an unknown flag may be that flag's value.
  if (before.length > 0) throw new ConfigurationError(before);
  const [action = '', name = '', ...further] = positionals;
  const mistakes: string[] = [];
  const file = found.get('clientsFile')?.text;
  if (file === undefined)
    mistakes.push('No clients file is named: set --clients-file or CLIENTS_FILE, for example to clients.json.');
  if (!isAction(action)) {
    const meant = nearest(action, Object.keys(actions));
    throw new ConfigurationError([
      ...mistakes,
      `keys needs one of add NAME, set NAME, show NAME, list, rotate NAME, revoke NAME${meant === undefined ? '.' : `; did you mean ${meant}?`}`,
    ]);
  }
  if ((action === 'list') !== (name === '') || further.length > 0) {
    mistakes.push(`keys ${action} needs ${action === 'list' ? 'no name' : 'one name'}.`);
  } else if (name !== '' && !namePattern.test(name)) {
    mistakes.push(
      'A name is made of letters, digits and ".", "_", "@", "-", 64 at the most, and begins with a letter or digit.',
    );
  }
  if (action === 'add' && name === anonymousName) {
    mistakes.push(`"${anonymousName}" is what the log calls requests without a key; choose another name.`);
  }
  const flags = [...extra.keys(), ...(found.get('policy')?.rank === 0 ? ['policy'] : [])];
  for (const flag of flags) {
    const meant = Object.keys(actions).filter((other) =>
      (actions[other as Action] as readonly string[]).includes(flag),
    );
    if (meant.includes(action)) continue;
    const commands = meant.map((other) => `keys ${other}`);
    mistakes.push(
      `--${flag} belongs to ${[commands.slice(0, -1).join(', '), commands.at(-1)].filter(Boolean).join(' and ')} only.`,
    );
  }
  if (action === 'set' && flags.length === 0) {
    mistakes.push(`keys set needs at least one of ${whatItMay.map((flag) => `--${flag}`).join(', ')}.`);
  }
  if (mistakes.length > 0 || file === undefined) throw new ConfigurationError(mistakes);
  return { action, name, file };
}

function isAction(word: string): word is Action {
  return Object.hasOwn(actions, word);
}

async function add(file: string, name: string, layers: Layers): Promise<void> {
  // POLICY of the gateway, if it is set, so that a new key has no more rights than the gateway allows.
  const changes = readChanges(layers, file, layers.found.get('policy'));
  const { client: made, key } = makeKey({ name, policy: 'standard' });
  const client = applyChanges(made, changes);
  await changeClients(file, (clients) => {
    if (clients.some((other) => other.name === name)) {
      throw new ClientsError(
        `has a client ${name} already; keys set changes what it may do, keys rotate gives it another key`,
      );
    }
    return [...clients, client];
  });
  printKey(client, key);
}

/**
 * All keys of a client have the same policy and limits. `--expires` applies to the newest key: an older one expires by
 * its rotation.
 */
async function set(file: string, name: string, layers: Layers): Promise<void> {
  const policy = layers.found.get('policy');
  const { expires, ...others } = readChanges(layers, file, policy?.rank === 0 ? policy : undefined);
  const changes = layers.extra.has('expires') ? { ...others, expires } : others;
  let last: Client | undefined;
  await changeClients(file, (clients) => {
    last = clients.findLast((client) => client.name === name) ?? unknown(name, clients);
    return clients.map((client) => {
      if (client.name !== name) return client;
      if (client !== last) return applyChanges(client, others);
      return (last = applyChanges(client, changes));
    });
  });
  if (last !== undefined) say(`${name}: ${whatHolds(last)}.`);
}

async function rotate(file: string, name: string, layers: Layers): Promise<void> {
  const now = Date.now();
  const overlap = layers.extra.get('overlap');
  const end = readSpan('overlap', typeof overlap === 'string' ? overlap : '24h', now);
  const changes = readChanges(layers, file, undefined);
  let made: ReturnType<typeof makeKey> | undefined;
  await changeClients(file, (clients) => {
    const old = clients.findLast((client) => client.name === name) ?? unknown(name, clients);
    if (!layers.extra.has('expires') && hasExpired(old, now)) {
      throw new ClientsError(`has a key of ${name} that has expired; set the new key's expiry with --expires`);
    }
    made = makeKey(applyChanges(old, changes));
    const others = clients
      .map((client) =>
        client.name === name && endOf(client) > end ? { ...client, expires: new Date(end).toISOString() } : client,
      )
      .filter((client) => client.name !== name || !hasExpired(client, now));
    return [...others, made.client];
  });
  if (made !== undefined) printKey(made.client, made.key);
}

async function revoke(file: string, name: string): Promise<void> {
  await changeClients(file, (clients) => {
    const left = clients.filter((client) => client.name !== name);
    return left.length === clients.length ? unknown(name, clients) : left;
  });
  say(`The keys of ${name} are revoked; requests with them are refused from now on.`);
}

function unknown(name: string, clients: readonly Client[]): never {
  const meant = nearest(
    name,
    clients.map((client) => client.name),
  );
  throw new ClientsError(`has no client ${name}${meant === undefined ? '' : `; it has one called ${meant}`}`);
}

/** Only the key goes to standard output, so that a script can read it from there. */
function printKey(client: Client, key: string): void {
  say(key);
  complain(`This key of ${client.name} is shown only once. ${capitalised(whatHolds(client))}.`);
}

function whatHolds(client: Client): string {
  const end = client.expires === undefined ? 'never expires' : `expires ${client.expires}`;
  return `its policy is ${describePolicy(client)}, and it ${end}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

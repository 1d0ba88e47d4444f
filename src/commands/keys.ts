import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { ClientsError, endOf, hasExpired, namePattern, type Client, type ClientLimits } from '../clients/client.ts';
import { changeClients } from '../clients/clients-file.ts';
import { parseDuration, parseEnd } from '../clients/duration.ts';
import { makeKey } from '../clients/new-key.ts';
import { ConfigurationError } from '../config/configuration.ts';
import { readSettingFile } from '../config/files.ts';
import type { Layers } from '../config/layers.ts';
import { readPolicy } from '../config/policy-file.ts';
import { apiKey, SettingError, wholeNumber } from '../config/values.ts';
import { complain, say, type Run } from './command.ts';
import { describePolicy, listKeys } from './list-keys.ts';

/** The keys of a gateway's clients: gives them out, lists them, ends them. */
export const keys: Run = async (layers) => {
  const { action, name, file } = readWords(layers);
  try {
    switch (action) {
      case 'add':
        return await add(file, name, layers);
      case 'rotate':
        return await rotate(file, name, layers);
      case 'revoke':
        return await revoke(file, name);
      case 'list':
        return listKeys(file);
    }
  } catch (error) {
    if (!(error instanceof ClientsError)) throw error;
    complain(`The clients file ${file} ${error.message}.`);
    return 1;
  }
};

/** What can be done, and the flags that mean something to it. */
const actions = {
  add: ['policy', 'expires', 'maas-key-file', 'per-minute', 'at-once'],
  list: [],
  revoke: [],
  rotate: ['expires', 'overlap'],
} as const satisfies Record<string, readonly string[]>;

type Action = keyof typeof actions;

function readWords({ positionals, mistakes: before, found, extra }: Layers): {
  action: Action;
  name: string;
  file: string;
} {
  // Behind a flag that nobody knows a word may be its value.
  if (before.length > 0) throw new ConfigurationError(before);
  const [action = '', name = '', ...rest] = positionals;
  const mistakes: string[] = [];
  const file = found.get('clientsFile')?.text;
  if (file === undefined)
    mistakes.push('No clients file is named: set --clients-file or CLIENTS_FILE, for example to clients.json.');
  if (!isAction(action)) {
    throw new ConfigurationError([...mistakes, 'keys needs one of add NAME, list, revoke NAME, rotate NAME.']);
  }
  if ((action === 'list') !== (name === '') || rest.length > 0) {
    mistakes.push(`keys ${action} needs ${action === 'list' ? 'no name' : 'one name'}.`);
  } else if (name !== '' && !namePattern.test(name)) {
    mistakes.push(
      'A name is made of letters, digits and ".", "_", "@", "-", 64 at the most, and begins with a letter or digit.',
    );
  }
  const flags = [...extra.keys(), ...(found.get('policy')?.rank === 0 ? ['policy'] : [])];
  for (const flag of flags) {
    const meant = Object.keys(actions).filter((other) =>
      (actions[other as Action] as readonly string[]).includes(flag),
    );
    if (!meant.includes(action))
      mistakes.push(`--${flag} belongs to ${meant.map((other) => `keys ${other}`).join(' and ')} alone.`);
  }
  if (mistakes.length > 0 || file === undefined) throw new ConfigurationError(mistakes);
  return { action, name, file };
}

function isAction(word: string): word is Action {
  return Object.hasOwn(actions, word);
}

async function add(file: string, name: string, layers: Layers): Promise<number> {
  const mistakes: string[] = [];
  const attempt = <Value>(source: string, read: () => Value): Value | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      mistakes.push(`${source} ${error.message}.`);
      return undefined;
    }
  };
  const text = (flag: string): string | undefined => layers.extra.get(flag) as string | undefined;
  // What holds for the gateway where its POLICY is known, so that a new key can do no more.
  const policy = layers.found.get('policy') ?? { text: 'standard', source: '' };
  const expires = attempt('--expires', () => readEnd(text('expires')));
  const maasKeyFile = attempt('--maas-key-file', () => checkKeyFile(text('maas-key-file'), file));
  const perMinute = attempt('--per-minute', () => readCount(text('per-minute')));
  const atOnce = attempt('--at-once', () => readCount(text('at-once')));
  const limits: ClientLimits = {
    ...(perMinute !== undefined && { perMinute }),
    ...(atOnce !== undefined && { atOnce }),
  };
  const about = {
    name,
    policy: attempt(policy.source, () => policyToKeep(policy.text)) ?? [],
    ...(expires !== undefined && { expires }),
    ...(maasKeyFile !== undefined && { maasKeyFile }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  const { client, key } = makeKey(about);
  await changeClients(file, (clients) => {
    if (clients.some((other) => other.name === name)) {
      throw new ClientsError(`has a client ${name} already; rotate its key, or revoke it first`);
    }
    return [...clients, client];
  });
  tell(client, key);
  return 0;
}

async function rotate(file: string, name: string, layers: Layers): Promise<number> {
  const mistakes: string[] = [];
  const overlap = layers.extra.get('overlap') ?? '24h';
  const span = typeof overlap === 'string' ? parseDuration(overlap) : undefined;
  if (span === undefined) mistakes.push('--overlap must be a time span such as 24h or 30m, or 0.');
  let expires: string | undefined;
  try {
    expires = readEnd(layers.extra.get('expires') as string | undefined);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push(`--expires ${error.message}.`);
  }
  if (mistakes.length > 0 || span === undefined) throw new ConfigurationError(mistakes);
  const now = Date.now();
  const end = new Date(now + span).toISOString();
  let made: ReturnType<typeof makeKey> | undefined;
  await changeClients(file, (clients) => {
    const old = clients.findLast((client) => client.name === name);
    if (old === undefined) throw new ClientsError(`has no client ${name}`);
    if (expires === undefined && hasExpired(old, now)) {
      throw new ClientsError(`has a key of ${name} that has expired; say by --expires when the new one ends`);
    }
    made = makeKey({ ...old, ...(expires !== undefined && { expires }) });
    const others = clients
      .map((client) => (client.name === name && endOf(client) > now + span ? { ...client, expires: end } : client))
      .filter((client) => client.name !== name || !hasExpired(client, now));
    return [...others, made.client];
  });
  if (made !== undefined) tell(made.client, made.key);
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

/** The key alone goes to standard output, so that a script can take it from there. */
function tell(client: Client, key: string): void {
  say(key);
  complain(
    `This key of ${client.name} is shown this once. Its policy is ${describePolicy(client)}, and it ${client.expires === undefined ? 'never ends' : `ends ${client.expires}`}.`,
  );
}

function readEnd(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const now = Date.now();
  const end = parseEnd(text, now);
  if (end === undefined) throw new SettingError('must be a time span such as 30d, or a date such as 2027-01-31');
  if (Date.parse(end) <= now) throw new SettingError('must lie in the future');
  return end;
}

function readCount(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(1, 1_000_000)(text);
}

/** A preset by its name, other rules as they are: the file that they are from may be on this machine alone. */
function policyToKeep(text: string): string | readonly string[] {
  const policy = readPolicy(text);
  return isPath(policy.name) ? policy.rules.map((rule) => rule.text) : policy.name;
}

function isPath(name: string): boolean {
  return /[./\\]/.test(name);
}

/** @returns the file's name as the clients file is to have it: absolute, or beginning where the clients file lies */
function checkKeyFile(text: string | undefined, clientsFile: string): string | undefined {
  if (text === undefined) return undefined;
  const content = readSettingFile(text);
  try {
    apiKey(content);
  } catch (error) {
    if (error instanceof SettingError) throw new SettingError(`names the file ${text}: the key in it ${error.message}`);
    throw error;
  }
  return isAbsolute(text) ? text : relative(dirname(resolve(clientsFile)), resolve(text));
}

import { nearest } from '../../spelling/nearest.ts';
import { RuleError } from '../../policy/rule.ts';
import { clientPolicy, ClientsError, namePattern, type Client, type ClientLimits } from '../client.ts';
import { parseDate } from '../duration.ts';
import { findJsonFault, jsonLines } from './json-lines.ts';

/**
 * Parses a clients file: `{"clients": [{"name": …}]}`.
 *
 * @throws {ClientsError} the first mistake, by line and client; no secret's hash is repeated
 */
export function parseClients(text: string): Client[] {
  const { clients, mistakes } = readClientsText(text);
  const [first] = mistakes;
  if (first !== undefined) throw new ClientsError(first);
  return clients;
}

/** The valid clients of a clients file, and its mistakes; each mistake is the end of a sentence. */
export function readClientsText(raw: string): { readonly clients: Client[]; readonly mistakes: readonly string[] } {
  // Some editors put a byte order mark at the beginning.
  const text = raw.replace(/^\uFEFF/, '');
  const list = listIn(text);
  if (typeof list === 'string') return { clients: [], mistakes: [list] };
  const clients: Client[] = [];
  const wrong: { index: number; member: string; what: string }[] = [];
  const byConsumer = new Map<string, number>();
  for (const [index, entry] of list.entries()) {
    const read = readClient(entry);
    if ('what' in read) {
      wrong.push({ index, ...read });
      continue;
    }
    const other = byConsumer.get(read.consumer);
    if (other !== undefined) {
      wrong.push({ index, member: 'consumer', what: `it has the same consumer key as client ${other + 1}` });
      continue;
    }
    byConsumer.set(read.consumer, index);
    clients.push(read);
  }
  if (wrong.length === 0) return { clients, mistakes: [] };
  const lineOf = jsonLines(text);
  const isBare = /^\s*\[/.test(text);
  const mistakes = wrong.map(({ index, member, what }) => {
    const line = isBare ? lineOf(index, member) : lineOf('clients', index, member);
    return `has a mistake in line ${line}, in client ${index + 1}${nameOf(list[index])}: ${what}`;
  });
  return { clients, mistakes };
}

/** The entries; or what is wrong with the file. */
function listIn(text: string): unknown[] | string {
  if (text.includes('\0'))
    return 'is no text in UTF-8; save it as UTF-8 (UTF-16 is what PowerShell and Notepad may have made of it)';
  if (text.trim() === '') return 'is empty; "keys add NAME" puts the first key into it';
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    return `is not valid JSON${fault === undefined ? '' : `: line ${fault.line}, column ${fault.column}: ${fault.what}`}`;
  }
  if (Array.isArray(data)) return data as unknown[];
  const list = (data as { clients?: unknown } | null)?.clients;
  return Array.isArray(list) ? (list as unknown[]) : 'must be an object with a list of "clients"';
}

/** All allowed members: a mistyped "expires" must not make a key that never expires. */
const members: readonly string[] = [
  'name',
  'consumer',
  'token',
  'secretSha256',
  'policy',
  'expires',
  'maasKeyFile',
  'limits',
];

/** What is wrong with an entry, and with which member. */
interface Mistake {
  readonly member: string;
  readonly what: string;
}

function readClient(entry: unknown): Client | Mistake {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return { member: '', what: 'it is no object ({"name": …})' };
  }
  const present = new Map(Object.entries(entry).filter(([, value]) => value !== null && value !== undefined));
  const strange = [...present.keys()].find((member) => !members.includes(member));
  if (strange !== undefined) return { member: strange, what: noSuchMember(strange) };
  for (const [member, form, words] of forms) {
    const value = present.get(member);
    if (value === undefined && required.has(member)) return { member, what: `its "${member}" is missing` };
    if (value !== undefined && !(typeof value === 'string' && form.test(value))) {
      return { member, what: `its "${member}" must be ${words}` };
    }
  }
  const policy = present.get('policy');
  if (
    policy !== undefined &&
    !isText(policy) &&
    !(Array.isArray(policy) && policy.every((rule) => typeof rule === 'string'))
  ) {
    return { member: 'policy', what: 'its "policy" must be a preset, the path of a file of rules, or a list of rules' };
  }
  const expires = present.get('expires');
  if (expires !== undefined && (typeof expires !== 'string' || parseDate(expires) === undefined)) {
    return { member: 'expires', what: 'its "expires" is no date such as 2027-01-31 or 2027-01-31T18:00:00Z' };
  }
  const limits = present.get('limits');
  if (limits !== undefined && !areLimits(limits)) {
    return {
      member: 'limits',
      what: 'its "limits" are no object with whole numbers above 0 as "perMinute" and "atOnce"',
    };
  }
  // Each member was checked above.
  const client = Object.fromEntries(present) as unknown as Client;
  try {
    clientPolicy(client);
  } catch (error) {
    if (error instanceof RuleError) return { member: 'policy', what: `its policy: ${error.message}` };
    throw error;
  }
  return client;
}

function noSuchMember(strange: string): string {
  const meant = nearest(strange, members);
  return `it has no member ${JSON.stringify(strange.slice(0, 40))}${meant === undefined ? '' : `, but "${meant}"`}`;
}

const required: ReadonlySet<string> = new Set(['name', 'consumer', 'token', 'secretSha256']);

/** The members that are strings, and their syntax. */
const forms: readonly [string, RegExp, string][] = [
  [
    'name',
    namePattern,
    'made of letters, digits and ".", "_", "@", "-", 64 at the most, and begin with a letter or digit',
  ],
  ['consumer', /^[A-Za-z0-9]+$/, 'the first part of the key, letters and digits'],
  ['token', /^[A-Za-z0-9]+$/, 'the second part of the key, letters and digits'],
  ['secretSha256', /^[0-9a-f]{64}$/i, 'the SHA-256 of the secret, 64 hexadecimal digits'],
  ['maasKeyFile', /\S/, 'the path of a file'],
];

function isText(value: unknown): value is string {
  return typeof value === 'string' && /\S/.test(value);
}

function areLimits(value: unknown): value is ClientLimits {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.entries(value).every(isLimit);
}

function isLimit([member, limit]: readonly [string, unknown]): boolean {
  return (member === 'perMinute' || member === 'atOnce') && Number.isSafeInteger(limit) && (limit as number) > 0;
}

/** A client's name for a sentence, if it has a valid one. */
function nameOf(entry: unknown): string {
  const name = typeof entry === 'object' && entry !== null && 'name' in entry ? entry.name : undefined;
  return typeof name === 'string' && namePattern.test(name) ? ` (${name})` : '';
}

// A gateway with its own clients, and the ways in which they authenticate.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Client } from '../../src/clients/client.ts';
import { makeKey } from '../../src/clients/new-key.ts';
import { emptyDirectory } from './cli.ts';
import { startTestProxy, type TestProxy } from './proxy.ts';

/** A client and its key, which no file contains. */
export interface Given {
  readonly client: Client;
  readonly key: string;
}

/** Issues a key; without a policy of its own, the gateway's policy applies. */
export function give(name: string, about: Partial<Client> = {}): Given {
  return makeKey({ name, ...about });
}

/** Writes a clients file in a new directory. @returns its path */
export function writeClients(t: TestContext, given: readonly Given[], file = join(emptyDirectory(t), 'clients.json')) {
  writeFileSync(file, JSON.stringify({ clients: given.map(({ client }) => client) }), { mode: 0o600 });
  return file;
}

/** Starts a gateway in front of `maasUrl` that knows these clients. */
export function startGateway(
  t: TestContext,
  maasUrl: string,
  given: readonly Given[],
  { key, flags = [] }: { key?: string; flags?: readonly string[] } = {},
): Promise<TestProxy> {
  const withClients = ['--clients-file', writeClients(t, given), ...flags];
  return startTestProxy(t, maasUrl, { ...(key !== undefined && { key }), flags: withClients });
}

let count = 0;

/**
 * An OAuth header as a MAAS client sends it.
 *
 * @param changes values that replace the correct ones, not encoded; `undefined` omits a parameter
 */
export function oauth(key: string, changes: Readonly<Record<string, string | undefined>> = {}): string {
  const [consumer, token, secret] = key.split(':');
  count += 1;
  const parameters: Record<string, string | undefined> = {
    oauth_version: '1.0',
    oauth_signature_method: 'PLAINTEXT',
    oauth_consumer_key: consumer,
    oauth_token: token,
    oauth_signature: `%26${secret}`,
    oauth_nonce: `${process.pid}${count}`,
    oauth_timestamp: String(Math.floor(Date.now() / 1000)),
    ...changes,
  };
  const shown = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return `OAuth ${shown.map(([name, value]) => `${name}="${value}"`).join(', ')}`;
}

/** A Basic header. */
export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

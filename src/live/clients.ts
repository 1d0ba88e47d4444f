import { dirname, resolve } from 'node:path';
import { ClientsError, type Client } from '../clients/client.ts';
import { whyUnreadable } from '../clients/clients-file.ts';
import { createRegistry, knownClients, type KnownClient, type Registry } from '../clients/registry.ts';
import type { ReadText } from '../config/files.ts';
import { readKeyFile } from '../config/key-file.ts';
import { SettingError } from '../config/values.ts';
import type { Signer } from '../maas/signature.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { keySource, type MakeSigningKey, type SigningKey } from './key.ts';
import type { Followed, LiveFiles } from './live-files.ts';

/**
 * The clients of a gateway, kept to their file. The MAAS keys that clients have of their own are followed each by itself: a
 * broken one must not hold up that somebody else gets in no more.
 *
 * @param ask the way to MAAS, where a new key is tried
 * @throws {SettingError} what is wrong with the file now
 */
export function followClients(file: string, live: LiveFiles, makeKey: MakeSigningKey, ask: Upstream['ask']): Registry {
  const keys = new Map<string, Followed<SigningKey>>();

  function load(read: ReadText): ReadonlyMap<string, KnownClient> {
    const text = readClientsFile(read);
    const used = new Set<string>();
    const ownSigner = ({ name }: Client, maasKeyFile: string): (() => Signer) => {
      const path = resolve(dirname(file), maasKeyFile);
      used.add(path);
      const key = keys.get(path) ?? followKey(path, name, read);
      return () => key.now().signer;
    };
    try {
      const known = knownClients(text, ownSigner);
      forgetKeys(used);
      return known;
    } catch (error) {
      if (error instanceof ClientsError) throw new SettingError(error.message);
      throw error;
    }
  }

  function readClientsFile(read: ReadText): string {
    try {
      return read(file);
    } catch (error) {
      const why = whyUnreadable(error instanceof SettingError ? error.cause : error);
      throw new SettingError(`${why}${why === 'does not exist' ? '; "keys add NAME" makes one' : ''}`);
    }
  }

  function forgetKeys(used: ReadonlySet<string>): void {
    for (const [path, key] of keys) {
      if (used.has(path)) continue;
      key.close();
      keys.delete(path);
    }
  }

  function followKey(path: string, name: string, read: ReadText): Followed<SigningKey> {
    try {
      const key = live.follow(
        keySource('client-key', { file: path, source: `The clients file ${file}` }, makeKey, ask),
      );
      keys.set(path, key);
      return key;
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      throw new SettingError(`${whyUnusable(path, read)}; it is to be the MAAS key of ${name}`);
    }
  }

  const clients = live.follow({
    kind: 'clients',
    title: `the clients file ${file}`,
    subject: `The clients file ${file}`,
    load,
    describe: ({ size }) => (size === 1 ? '1 key' : `${size} keys`),
  });
  return createRegistry(clients.now);
}

/** What is wrong with a key file. Read on behalf of the clients file, it is noticed when it can be used. */
function whyUnusable(path: string, read: ReadText): string {
  try {
    readKeyFile(path, read);
    return `names the file ${path}, which was changing`;
  } catch (error) {
    if (error instanceof SettingError) return error.message;
    throw error;
  }
}

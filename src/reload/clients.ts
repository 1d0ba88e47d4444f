import { besideClientsFile, ClientsError, type Client } from '../clients/client.ts';
import { warningsAboutClients, othersMayWrite } from '../clients/warnings.ts';
import { whyUnreadable } from '../clients/file/clients-file.ts';
import { createRegistry, readActiveClients, type ActiveClient, type Registry } from '../clients/registry.ts';
import type { ReadText } from '../config/files.ts';
import { readKeyFile } from '../config/key-file.ts';
import { readPolicyFile } from '../config/policy-file.ts';
import { SettingError } from '../config/values.ts';
import { explainIdleRules } from '../policy/known-operations.ts';
import type { Policy } from '../policy/policy.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { keySource, type MakeSigningKey, type SigningKey } from './key.ts';
import type { WatchedFiles } from './watched-files.ts';
import { watchNamed } from './named-files.ts';

/**
 * Watches the clients file of a gateway. The MAAS key files and policy files that clients name are watched separately:
 * a broken one must not delay that another client's key is revoked.
 *
 * @param sendOwnRequest sends a request to MAAS, to try a new key
 * @throws {SettingError} what is wrong with the file now
 */
export function watchClients(
  file: string,
  watchedFiles: WatchedFiles,
  makeKey: MakeSigningKey,
  sendOwnRequest: Upstream['sendOwnRequest'],
): Registry {
  const subject = `The clients file ${file}`;
  const keys = watchNamed<SigningKey>(
    watchedFiles,
    (path) => keySource('client-key', { file: path, source: subject }, makeKey, sendOwnRequest),
    (path, read) => void readKeyFile(path, read),
  );
  const policies = watchNamed<Policy>(
    watchedFiles,
    (path, named) => ({
      purpose: 'client-policy',
      title: `the policy file ${path}`,
      subject,
      load: (read) => readPolicyFile(path, read, named),
      warnings: (policy) => [
        ...othersMayWrite(path, 'change what clients may do'),
        ...explainIdleRules(policy, `The policy file ${path}`),
      ],
      describe: ({ rules }) => `${rules.length} rules`,
    }),
    (path, read) => void readPolicyFile(path, read),
  );

  const path = (named: string): string => besideClientsFile(file, named);

  function load(read: ReadText): ReadonlyMap<string, ActiveClient> {
    const text = readClientsFile(read);
    const key = keys.begin(read);
    const policy = policies.begin(read);
    const ownSigner = ({ name }: Client, named: string): (() => SigningKey['signer']) => {
      const now = key(path(named), named, `the MAAS key of ${name}`);
      return () => now().signer;
    };
    const ownPolicy = ({ name }: Client, named: string): (() => Policy) =>
      policy(path(named), named, `the policy of ${name}`);
    try {
      const known = readActiveClients(text, ownSigner, ownPolicy);
      keys.forgetOthers();
      policies.forgetOthers();
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

  const clients = watchedFiles.watch({
    purpose: 'clients',
    title: `the clients file ${file}`,
    subject,
    load,
    warnings: (known) =>
      warningsAboutClients(
        file,
        Array.from(known.values(), ({ client }) => client),
        Date.now(),
      ),
    describe: ({ size }) => (size === 1 ? '1 key' : `${size} keys`),
  });
  return createRegistry(clients.now);
}

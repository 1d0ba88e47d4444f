import { readAdminTokenFile } from '../config/admin-token.ts';
import { othersMayWrite } from '../clients/warnings.ts';
import type { Registry } from '../clients/registry.ts';
import { readCertificates } from '../config/tls/certificates-file.ts';
import type { Configuration } from '../config/configuration.ts';
import { readPolicyFile } from '../config/policy-file.ts';
import { explainIdleRules } from '../policy/known-operations.ts';
import type { Policy } from '../policy/policy.ts';
import { createUpstream, type Upstream, type UpstreamOptions } from '../upstream/upstream.ts';
import { watchClients } from './clients.ts';
import { keySource, signingKeys, type SigningKey } from './key.ts';
import type { WatchedFiles } from './watched-files.ts';
import { watchTls, type ReloadedTls } from './tls.ts';

/** The parts of a proxy that are reloaded when their files change. */
export interface ReloadedConfiguration {
  /** Signs with the current key, and trusts the current authorities. */
  readonly upstream: Upstream;
  /** The current policy. */
  readonly policy: () => Policy;
  /** The current clients; `undefined` if there is no clients file. */
  readonly registry: Registry | undefined;
  /** TLS options of the https listener; `undefined` for plain http. */
  readonly tls: ReloadedTls | undefined;
  /** The token for the operator's page in force; `undefined` if none is set. */
  readonly adminToken: (() => string) | undefined;
}

/**
 * Watches the files of a configuration.
 *
 * @param events called when the upstream learns something
 * @throws {SettingError} what is wrong with a file now, as a sentence without its full stop
 */
export function watchConfiguration(
  config: Configuration,
  watchedFiles: WatchedFiles,
  events: Pick<UpstreamOptions, 'onClockDifference' | 'onRegionChange'>,
): ReloadedConfiguration {
  const { key, ca, policy } = config.files;
  const makeKey = signingKeys();
  const fixed = makeKey(config.key);
  let shared = (): SigningKey => fixed;
  const upstream = createUpstream({
    regions: config.regions,
    signer: () => shared().signer,
    ca: config.ca,
    insecure: config.insecure,
    timeout: config.upstreamTimeout,
    coalesce: config.coalesce,
    maxUpstream: config.maxUpstream,
    cacheTtl: config.cacheTtl,
    cacheMaxBytes: config.memory.cache,
    maxShared: config.memory.shared,
    ...events,
  });
  if (key !== undefined) shared = watchedFiles.watch(keySource('key', key, makeKey, upstream.sendOwnRequest)).now;
  if (ca !== undefined) {
    const trusted = watchedFiles.watch({
      purpose: 'ca',
      title: `the certificate authorities in ${ca.file}`,
      subject: ca.source,
      load: (read) => readCertificates(ca.file, read),
      onChange: upstream.trust,
    });
    // The file may have changed since the configuration was read.
    if (trusted.now() !== config.ca) upstream.trust(trusted.now());
  }
  return {
    upstream,
    policy: policy === undefined ? () => config.policy : watchPolicy(policy.file, policy.source, watchedFiles),
    registry:
      config.clientsFile === undefined
        ? undefined
        : watchClients(config.clientsFile, watchedFiles, makeKey, upstream.sendOwnRequest),
    tls: watchTls(config, watchedFiles),
    adminToken: watchAdminToken(config, watchedFiles),
  };
}

function watchPolicy(file: string, subject: string, watchedFiles: WatchedFiles): () => Policy {
  const watched = watchedFiles.watch({
    purpose: 'policy',
    title: `the policy file ${file}`,
    subject,
    load: (read) => readPolicyFile(file, read),
    warnings: (policy) => [
      ...othersMayWrite(file, 'change what may be done'),
      ...explainIdleRules(policy, `The policy file ${file}`),
    ],
    describe: ({ rules }) => `${rules.length} rules`,
  });
  return watched.now;
}

function watchAdminToken(
  { page, adminPort, files: { adminToken } }: Configuration,
  watchedFiles: WatchedFiles,
): (() => string) | undefined {
  if (adminToken === undefined || !page || adminPort === 'off') return undefined;
  return watchedFiles.watch({
    purpose: 'admin-token',
    title: `the admin token file ${adminToken.file}`,
    subject: adminToken.source,
    load: (read) => readAdminTokenFile(adminToken.file, read),
  }).now;
}

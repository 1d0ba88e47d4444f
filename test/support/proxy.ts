import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { readConfiguration } from '../../src/config/configuration.ts';
import { readLayers } from '../../src/config/layers/layers.ts';
import { startProxy, type Proxy } from '../../src/proxy.ts';

/** A key that no MAAS knows; the tests search every output for its secret. */
export const canaryKey = 'CanaryConsumerKey0:CanaryTokenValue00:CanarySecretCanarySecretCanary00';

/** A proxy in this process, and what it logged. */
export interface TestProxy extends Proxy {
  readonly log: readonly Record<string, unknown>[];
}

/**
 * Starts a proxy in front of `maasUrl`, on free ports; it stops with the test.
 *
 * @param flags further flags, as on the command line
 * @param env further environment variables
 */
export async function startTestProxy(
  t: TestContext,
  maasUrl: string,
  {
    key = canaryKey,
    flags = [],
    env = {},
  }: { key?: string; flags?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<TestProxy> {
  const layers = readLayers({
    args: ['--maas-url', maasUrl, '--port', '0', '--admin-port', '0', '--drain-timeout', '1', ...flags],
    env: { MAAS_API_KEY: key, ...env },
    dotenvFile: '/nonexistent/.env',
  });
  const log: Record<string, unknown>[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => log.push(JSON.parse(line)) });
  const proxy = await startProxy(await readConfiguration(layers, '/nonexistent'), logger, true);
  t.after(() => proxy.stop());
  return { ...proxy, log };
}

import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import type { Proxy } from '../proxy.ts';
import { useCompilerThreads } from './compiler-thread.ts';

/**
 * Runs until SIGINT or SIGTERM. The first signal finishes what is in flight; a second one ends the process at once. SIGHUP
 * reads the files again; it ends nothing, even where there are none, unless it means that the terminal was closed.
 *
 * @returns the exit code
 */
export async function untilStopped(
  proxy: Pick<Proxy, 'stop'> & Partial<Pick<Proxy, 'reload'>>,
  log: Logger,
): Promise<number> {
  const onTerminal = isatty(0);
  useCompilerThreads(true);
  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    let stopping = false;
    const onSignal = (received: NodeJS.Signals): void => {
      if (stopping) process.exit(1);
      stopping = true;
      resolve(received);
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    process.on('SIGHUP', () => {
      // A closed terminal is no terminal any more. What was started in it would hold the port unseen.
      if (onTerminal && !isatty(0)) return onSignal('SIGHUP');
      log.info('SIGHUP: reading the files again');
      void proxy.reload?.();
    });
  });
  useCompilerThreads(false);
  log.info(`${signal}: finishing what is in flight; a second signal ends it at once`);
  const cut = await proxy.stop();
  if (cut > 0) log.warn(`${cut} requests were cut because --drain-timeout had passed`);
  log.info('stopped');
  return 0;
}

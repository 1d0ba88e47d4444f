import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import type { Proxy } from '../proxy.ts';
import { endProcess } from './end-process.ts';

/**
 * Runs until SIGINT or SIGTERM. The first signal waits for requests in flight; a second signal ends the process
 * immediately. SIGHUP reloads the files. It ends the process only if the terminal was closed.
 *
 * @returns the exit code
 */
export async function untilStopped(
  proxy: Pick<Proxy, 'stop'> & Partial<Pick<Proxy, 'reload'>>,
  log: Logger,
): Promise<number> {
  const onTerminal = isatty(0);
  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    let stopping = false;
    const onSignal = (received: NodeJS.Signals): void => {
      if (stopping) endProcess(1);
      stopping = true;
      resolve(received);
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    process.on('SIGHUP', () => {
      // The terminal was closed. A proxy that was started in it would hold the port unseen.
      if (onTerminal && !isatty(0)) return onSignal('SIGHUP');
      log.info('SIGHUP: reloading the files');
      void proxy.reload?.();
    });
  });
  log.info(`${signal}: waiting for requests in flight; a second signal stops immediately`);
  const cut = await proxy.stop();
  if (cut > 0)
    log.warn(`${cut === 1 ? '1 request was' : `${cut} requests were`} aborted because --drain-timeout had passed`);
  log.info('stopped');
  return 0;
}

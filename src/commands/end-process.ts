import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Ends the process with an exit code.
 *
 * A compiler thread of V8 that needs memory requests a garbage collection from the main thread, and Node, about to
 * exit, only waits for that thread: the process hangs forever (nodejs/node#54918; seen on Node 20 and 26, in 2 of 100
 * runs of a busy machine). A collection just before the exit serves such a thread and leaves memory for the others.
 */
export function endProcess(code: number): never {
  setFlagsFromString('--no-concurrent-recompilation');
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  process.exit(code);
}

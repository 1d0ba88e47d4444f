import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 optimise on the main thread, or on threads beside it. A process that ends while such a thread compiles may hang for
 * ever: Node waits for the thread, and the thread for a garbage collection on the main one (nodejs/node#54918; seen on Node
 * 20.20 under load, with a command that was to exit with 2). So a short command never uses them, and a server does while it
 * serves, when nothing ends.
 */
export function useCompilerThreads(isUsed: boolean): void {
  setFlagsFromString(isUsed ? '--concurrent-recompilation' : '--no-concurrent-recompilation');
}

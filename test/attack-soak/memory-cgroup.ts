import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A memory cgroup of this test's own, with a limit and without swap, as a container has one. */
export interface MemoryCgroup {
  /** A shell command that enters it, and there becomes the program that its arguments name: all that the program takes is counted. */
  readonly enter: string;
  /** What its processes hold now, bytes. */
  usage(): number;
  /** How often the kernel has killed a process in it. */
  kills(): number;
  remove(): void;
}

const versions = {
  v1: {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    swap: 'memory.memsw.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    events: 'memory.oom_control',
  },
  v2: {
    root: '/sys/fs/cgroup',
    limit: 'memory.max',
    swap: 'memory.swap.max',
    usage: 'memory.current',
    events: 'memory.events',
  },
} as const;

/**
 * Makes one.
 *
 * @param limit bytes
 * @returns why there can be none, where this machine or user has no memory cgroups
 */
export function createMemoryCgroup(name: string, limit: number): MemoryCgroup | string {
  const isV1 = existsSync(join(versions.v1.root, versions.v1.limit));
  const { root, ...files } = isV1 ? versions.v1 : versions.v2;
  const directory = join(root, name);
  const write = (file: string, value: string | number): void => writeFileSync(join(directory, file), String(value));
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
  try {
    mkdirSync(directory);
    write(files.limit, limit);
    if (existsSync(join(directory, files.swap))) write(files.swap, isV1 ? limit : 0);
  } catch (error) {
    return `no memory cgroup can be made here (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
  return {
    enter: `echo $$ >'${join(directory, 'cgroup.procs')}' && exec "$@"`,
    usage: () => Number(read(files.usage)),
    kills: () => Number(/^oom_kill (\d+)/m.exec(read(files.events))?.[1] ?? 0),
    remove: () => rmdirSync(directory),
  };
}

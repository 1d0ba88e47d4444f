import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts CPU time in hundredths of a second (`USER_HZ`, the same on every Linux). */
const ticks = 100;

/** CPU time that a process and its children have used so far, s. */
export function cpuOf(pid: number): number {
  return familyOf(pid).reduce((sum, { cpu }) => sum + cpu, 0);
}

/** Memory that a process and its children hold now, bytes. */
export function memoryOf(pid: number): number {
  return familyOf(pid).reduce((sum, { id }) => sum + residentSize(id), 0);
}

interface Process {
  readonly id: number;
  readonly parent: number;
  readonly cpu: number;
}

function familyOf(pid: number): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read(Number(name)))
    .filter((process) => process !== undefined);
  const family = all.filter(({ id }) => id === pid);
  for (const { id } of family) family.push(...all.filter(({ parent }) => parent === id));
  return family;
}

/** Reads proc_pid_stat(5): the fields after the name, which is in parentheses and may contain any character. */
function read(id: number): Process | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${id}/stat`, 'latin1');
  } catch {
    return undefined; // the process has ended
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { id, parent: Number(fields[1]), cpu: (Number(fields[11]) + Number(fields[12])) / ticks };
}

function residentSize(id: number): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, 'latin1')) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

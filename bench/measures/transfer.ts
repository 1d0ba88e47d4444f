import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inRounds, type Rounds, type Runner } from '../field.ts';
import { cpuOf, memoryOf } from '../processes.ts';

const execute = promisify(execFile);

/** What one large transfer costs. */
export interface Transfer {
  /** CPU of the program, s. */
  readonly cpu: number;
  /** The program's peak of memory during it, bytes. */
  readonly memory: number;
}

/**
 * Measures a transfer by curl through each program, after a first one that does not count.
 *
 * @param args curl's further arguments
 */
export async function measureTransfer(
  runners: readonly Runner[],
  path: string,
  rounds: number,
  args: readonly string[] = [],
): Promise<Rounds<Transfer>> {
  const transfer = async ({ name, running: { port, pid, headers } }: Runner): Promise<Transfer> => {
    const before = cpuOf(pid);
    let memory = memoryOf(pid);
    const sampler = setInterval(() => (memory = Math.max(memory, memoryOf(pid))), 50);
    try {
      const { stdout } = await execute('curl', [
        '--silent',
        '--output',
        '/dev/null',
        '--write-out',
        '%{http_code}',
        '--max-time',
        '120',
        '--header',
        'Expect:',
        ...headers.flatMap((header) => ['--header', header]),
        ...args,
        '--request-target', // otherwise curl appends the file's name to the path
        path,
        `http://127.0.0.1:${port}`,
      ]);
      if (!/^20\d$/.test(stdout)) throw new Error(`${name} responded to a large transfer with ${stdout}`);
    } finally {
      clearInterval(sampler);
    }
    return { cpu: cpuOf(pid) - before, memory };
  };
  await inRounds(runners, 1, transfer); // until V8 has compiled the hot code
  return inRounds(runners, rounds, transfer);
}

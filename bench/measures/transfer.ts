import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inRounds, type Rounds, type Runner } from '../field.ts';
import { cpuOf, memoryOf } from '../processes.ts';

const execute = promisify(execFile);

/** What one large transfer costs. */
export interface Transfer {
  /** CPU of the program, s. */
  readonly cpu: number;
  /** The most memory that the program held meanwhile, bytes. */
  readonly memory: number;
}

/** Measures a transfer by curl with each program, after one that is not counted. @param args what curl is told beside the address */
export async function measureTransfer(
  runners: readonly Runner[],
  path: string,
  rounds: number,
  args: readonly string[] = [],
): Promise<Rounds<Transfer>> {
  const transfer = async ({ name, running: { port, pid, headers } }: Runner): Promise<Transfer> => {
    const before = cpuOf(pid);
    let memory = memoryOf(pid);
    const look = setInterval(() => (memory = Math.max(memory, memoryOf(pid))), 50);
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
        '--request-target', // else curl would put the file's name behind the slash
        path,
        `http://127.0.0.1:${port}`,
      ]);
      if (!/^20\d$/.test(stdout)) throw new Error(`${name} answered a large transfer with ${stdout}`);
    } finally {
      clearInterval(look);
    }
    return { cpu: cpuOf(pid) - before, memory };
  };
  await inRounds(runners, 1, transfer); // until V8 has compiled what is hot
  return inRounds(runners, rounds, transfer);
}

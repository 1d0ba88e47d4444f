import { once } from 'node:events';
import { get, type Agent, type IncomingMessage } from 'node:http';
import type { Runner } from './field.ts';

/** Asks a program for a path, and reads the answer to its end. @throws {Error} when it is not a 200 */
export async function ask({ name, running }: Runner, path: string, agent?: Agent): Promise<void> {
  const headers = Object.fromEntries(running.headers.map((header) => header.split(': ', 2) as [string, string]));
  const request = get({ host: '127.0.0.1', port: running.port, path, headers, ...(agent !== undefined && { agent }) });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  if (answer.statusCode !== 200) throw new Error(`${name} answered ${path} with ${answer.statusCode}`);
}

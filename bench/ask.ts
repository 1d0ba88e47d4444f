import { once } from 'node:events';
import { get, type Agent, type IncomingMessage } from 'node:http';
import type { Runner } from './field.ts';

/** Requests a path from a program, and reads the whole response. @throws {Error} if its status is not 200 */
export async function ask({ name, running }: Runner, path: string, agent?: Agent): Promise<void> {
  const headers = Object.fromEntries(running.headers.map((header) => header.split(': ', 2) as [string, string]));
  const request = get({ host: '127.0.0.1', port: running.port, path, headers, ...(agent !== undefined && { agent }) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`${name} responded to ${path} with ${response.statusCode}`);
}

// The steps that check whether the proxy can listen.
import { accessSync, constants, lstatSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { ListenError, noPort } from '../server/listen-error.ts';
import { failed, reasonAndRemedy, type Finding } from './finding.ts';

/**
 * Is the port free? It is opened for a moment. A port in use is only a warning: the proxy itself may be running.
 *
 * @param setting the setting for the port
 */
export async function checkPort(host: string, port: number, setting: string): Promise<Finding> {
  if (port === 0) return { status: 'skipped', detail: 'any free one' };
  const error = await tryPort(/^localhost$/i.test(host) ? '127.0.0.1' : host, port);
  if (error === undefined) return { status: 'ok', detail: `${host} port ${port} is free` };
  const explained = noPort(error, host, port, setting);
  if (!(explained instanceof ListenError)) return failed(`${host} port ${port} is not to be had`);
  const { reason, remedy } = reasonAndRemedy(explained.message);
  if (error.code !== 'EADDRINUSE') return failed(reason, remedy);
  return {
    status: 'warning',
    detail: `${host} port ${port} is in use`,
    remedy: `It is this proxy itself if it runs already. If not, choose another port with ${setting}.`,
  };
}

function tryPort(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

/** Can a socket be created at a path? Nothing is created. */
export async function checkSocket(path: string): Promise<Finding> {
  const directory = dirname(path);
  try {
    accessSync(directory, constants.W_OK);
  } catch {
    return failed(
      `no socket can be made at ${path}`,
      `Check that the directory ${directory} exists, and that the user that the proxy runs as may write in it.`,
    );
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { status: 'ok', detail: `${path} is free` };
  if (!found.isSocket()) {
    return failed(`${path} is there already, and is no socket`, 'Choose another path with --socket (SOCKET).');
  }
  if (await acceptsConnections(path)) {
    return {
      status: 'warning',
      detail: `${path} is in use`,
      remedy: 'It is this proxy itself if it runs already. If not, choose another path with --socket (SOCKET).',
    };
  }
  return { status: 'ok', detail: `${path} is left from a program that has ended, and will be replaced` };
}

function acceptsConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

import { chmodSync, lstatSync, unlinkSync, type Stats } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { ListenError, noPort } from './listen-error.ts';

/**
 * Listens on a TCP port.
 *
 * @param setting the setting for the port, for the error message
 * @throws {ListenError} if the port is in use or not available
 */
export async function listenOnPort(app: FastifyInstance, host: string, port: number, setting: string): Promise<string> {
  try {
    // Fastify would open a second server for ::1, without what app.ts and connections.ts have set up on the first.
    await app.listen({ host: /^localhost$/i.test(host) ? '127.0.0.1' : host, port });
  } catch (error) {
    throw noPort(error, host, port, setting);
  }
  const { address, port: chosen, family } = app.server.address() as AddressInfo;
  const scheme = app.server instanceof TlsServer ? 'https' : 'http';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${chosen}`;
}

/** The longest path that fits into a socket's address, bytes (`sun_path` without its final zero). */
const maxSocketPath = process.platform === 'linux' ? 107 : 103;

/**
 * Listens on a unix socket that only this user may use. A socket file that a dead process has left is replaced.
 *
 * @param setting what chooses the path, for the sentence
 * @throws {ListenError} if another program listens there, or the file is not a socket
 */
export async function listenOnSocket(app: FastifyInstance, path: string, setting: string): Promise<string> {
  const length = Buffer.byteLength(path);
  if (length > maxSocketPath) {
    // Node 20 would listen on the beginning of the path instead.
    throw new ListenError(
      `The path of ${setting} has ${length} bytes, and a socket's may have ${maxSocketPath}; choose a shorter one.`,
    );
  }
  await clearWay(path, setting);
  await app.ready();
  // The mode must be right from the moment when the file exists.
  const before = process.umask(0o177);
  try {
    await app.listen({ path });
    chmodSync(path, 0o600);
  } catch (error) {
    throw noSocket(path, error);
  } finally {
    process.umask(before);
  }
  return `unix:${path}`;
}

async function clearWay(path: string, setting: string): Promise<void> {
  const found = statIfPresent(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new ListenError(`${path} is there already, and is no socket; choose another path with ${setting}.`);
  }
  if (await isAlive(path)) {
    throw new ListenError(`Another program listens on ${path}; choose another path with ${setting}.`);
  }
  try {
    unlinkSync(path);
  } catch (error) {
    throw noSocket(path, error);
  }
}

function statIfPresent(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw noSocket(path, error);
  }
}

/** Describes in a sentence why the system refuses; any other error is returned as it is. */
function noSocket(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  return new ListenError(`No socket can be made at ${path}; check that its directory exists and may be written to.`);
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

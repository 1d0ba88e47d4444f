import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';

/**
 * Ports on which nobody listens. They are below the ephemeral ports (on Linux from 32768), so that no other test and no
 * outgoing connection takes one of them in the meantime.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const server = createServer().listen(randomInt(10_000, 32_768), '127.0.0.1');
    if (await isListening(server)) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Whether the server could bind its port; another program may have it. */
async function isListening(server: Server): Promise<boolean> {
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  }
}

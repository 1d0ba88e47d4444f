// A process of its own: the simulator, and in front of it a server that answers garbage where an attacker asks for it.
import { Agent, createServer, request as send } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { startSimulator } from '../../src/simulator/simulator.ts';

const simulator = await startSimulator({ slots: 16 });
const agent = new Agent({ keepAlive: true });

/** What `files/garbage-KIND/` is answered with. Each ends by itself. */
const garbage: Readonly<Record<string, (socket: Socket) => void>> = {
  interim(socket) {
    const piece = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(1_000)}>\r\n\r\n`.repeat(60));
    let sent = 0;
    const goOn = (): void => {
      sent += piece.length;
      if (socket.destroyed) return;
      if (sent > 64 * 1024 * 1024) socket.destroy();
      else if (socket.write(piece)) setImmediate(goOn);
      else socket.once('drain', goOn);
    };
    goOn();
  },
  head: (socket) => socket.write(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(100_000)}`, () => socket.destroy()),
  bytes: (socket) => socket.write(Buffer.alloc(256 * 1024, 0xff), () => socket.destroy()),
  half: (socket) =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(500_000)}`, () =>
      socket.resetAndDestroy(),
    ),
  silence: (socket) => void setTimeout(() => socket.destroy(), 5_000),
};

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 65_000 }, (incoming, response) => {
  const { socket } = incoming;
  const kind = /\/files\/garbage-([a-z]+)\//.exec(incoming.url ?? '')?.[1];
  const answer = kind === undefined ? undefined : garbage[kind];
  if (answer !== undefined) {
    socket.on('error', () => socket.destroy());
    answer(socket);
    return;
  }
  const { method = 'GET', url = '/', headers } = incoming;
  const outgoing = send({ agent, port: simulator.port, method, path: url, headers }, (answered) => {
    response.writeHead(answered.statusCode ?? 500, answered.rawHeaders);
    answered.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

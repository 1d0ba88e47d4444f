// A process of its own: whoever wants to exhaust the gateway, or to hold others up. Each attack goes on until it is told to stop.
import { connect, type Socket } from 'node:net';

const [portText = '', key = '', only = ''] = process.argv.slice(2);
const port = Number(portText);
const authorization = `Authorization: Bearer ${key}\r\n`;
const counts: Record<string, number> = {};

/** Opens a connection, has it attack, and opens the next when it has ended. */
function again(name: string, attack: (socket: Socket) => void, pauseMs = 50): void {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.on('data', () => {});
  socket.once('connect', () => {
    counts[name] = (counts[name] ?? 0) + 1;
    attack(socket);
  });
  socket.once('close', () => setTimeout(() => again(name, attack, pauseMs), pauseMs));
}

/** Writes as fast as the other side reads, so many times at the most, and then ends. */
function flood(socket: Socket, piece: Buffer, times: number): void {
  let left = times;
  const goOn = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= 1;
      if (!socket.write(piece)) {
        socket.once('drain', () => setImmediate(goOn));
        return;
      }
    }
    setTimeout(() => socket.destroy(), 1_000);
  };
  goOn();
}

function drip(socket: Socket, piece: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.once('close', () => clearInterval(timer));
}

const attacks: Readonly<Record<string, { count: number; attack(socket: Socket): void }>> = {
  'slow heads': {
    count: 200,
    attack(socket) {
      socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\n');
      drip(socket, 'X: y\r\n', 1_000);
    },
  },
  'slow bodies': {
    count: 24,
    attack(socket) {
      socket.write(`POST /tags/ HTTP/1.1\r\nHost: localhost\r\n${authorization}Content-Length: 5000000\r\n\r\n`);
      drip(socket, 'x', 1_000);
    },
  },
  'slow small bodies': {
    count: 24,
    attack(socket) {
      socket.write(
        `POST /tags/ HTTP/1.1\r\nHost: localhost\r\n${authorization}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n`,
      );
      drip(socket, 'x', 1_000);
    },
  },
  'tiny chunks': {
    count: 4,
    attack(socket) {
      socket.write(`POST /tags/ HTTP/1.1\r\nHost: localhost\r\n${authorization}Transfer-Encoding: chunked\r\n\r\n`);
      flood(socket, Buffer.from('1\r\nx\r\n'.repeat(200)), 2_000);
    },
  },
  'pipelined heads without a key': {
    count: 20,
    attack(socket) {
      const head = Buffer.from(`GET /machines/ HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(56_000)}\r\n\r\n`);
      flood(socket, head, 99);
    },
  },
  'many small fields': {
    count: 10,
    attack(socket) {
      socket.write(`GET /machines/ HTTP/1.1\r\nHost: localhost\r\n${'a:b\r\n'.repeat(10_000)}`);
      drip(socket, 'a:b\r\n', 1_000);
    },
  },
  'slow readers': {
    count: 10,
    attack(socket) {
      socket.pause();
      socket.write(`GET /machines/ HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\n`);
      const timer = setInterval(() => socket.read(100), 1_000);
      socket.once('close', () => clearInterval(timer));
      setTimeout(() => socket.destroy(), 30_000);
    },
  },
  ...Object.fromEntries(
    ['interim', 'head', 'bytes', 'half', 'silence'].map((kind) => [
      `garbage from MAAS: ${kind}`,
      {
        count: 1,
        attack(socket: Socket) {
          socket.write(
            `GET /files/garbage-${kind}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${authorization}\r\n`,
          );
          setTimeout(() => socket.destroy(), 10_000);
        },
      },
    ]),
  ),
};

for (const [name, { count, attack }] of Object.entries(attacks)) {
  if (!name.startsWith(only)) continue;
  for (let index = 0; index < count; index += 1) again(name, attack, 500);
}
process.on('message', () => process.send?.(counts));
process.on('disconnect', () => process.exit());

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { inRounds, type Rounds, type Runner } from '../field.ts';
import { memoryOf } from '../processes.ts';

/** How many connections are opened at a time. */
const batch = 100;

/** The memory of each program with idle connections, bytes. */
export function measureIdle(runners: readonly Runner[], connections: number): Promise<Rounds<number>> {
  return inRounds(runners, 1, async ({ running: { port, pid } }) => {
    const sockets: Socket[] = [];
    try {
      while (sockets.length < connections) {
        const opened = Array.from({ length: Math.min(batch, connections - sockets.length) }, () =>
          connect(port, '127.0.0.1').on('error', () => undefined),
        );
        sockets.push(...opened);
        await Promise.all(opened.map((socket) => once(socket, 'connect')));
      }
      await wait(500);
      return memoryOf(pid);
    } finally {
      // With a reset, so that no port stays in TIME_WAIT.
      for (const socket of sockets) socket.resetAndDestroy();
    }
  });
}

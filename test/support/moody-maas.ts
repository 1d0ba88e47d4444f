import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createDice } from './dice.ts';

/** What this MAAS may do with a request, and how often in a hundred. */
const moods = {
  answer: 66,
  /** Answers after a while. */
  delay: 8,
  /** Answers in pieces. */
  trickle: 5,
  /** A good answer that promises to keep the connection, and its end right behind it. */
  'drop-idle': 6,
  /** Asks to come again at once. */
  busy: 3,
  /** Answers before the body is there; requests without a body get their answer as usual. */
  early: 2,
  /** Ends the connection in place of an answer. */
  cut: 3,
  reset: 3,
  /** The same while the request's body is still coming; without a body, as soon as the head is there. */
  'reset-upload': 1,
  /** The same in the middle of the answer's body. */
  'cut-body': 2,
  'reset-body': 1,
} as const;

export type Mood = keyof typeof moods | 'hold';

/** A request as it arrived, and what became of it. */
export interface Arrival {
  /** The `X-Soak-Id`; empty for what the proxy asks on its own account. */
  readonly id: string;
  readonly method: string;
  readonly authorization: string;
  readonly mood: Mood;
  /** Of its body, in hex, once that has come whole. */
  sha256: string | undefined;
  /** The status of the answer, once all of it was handed to the operating system. */
  answered: number | undefined;
}

export interface MoodyMaas {
  readonly url: string;
  readonly arrivals: readonly Arrival[];
  connections(): number;
  /** How many requests are neither answered nor given up. */
  open(): number;
}

/** The body of the answer to a request, which is no other's. */
export function answerBody(id: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${id};`);
}

/**
 * A server in MAAS's place that closes, resets and delays at random, and tells what it did. Requests say by `X-Soak-Id` who they
 * are, by `X-Soak-Size` how many bytes they want back, and by `X-Soak-Hold` that they want no answer at all.
 */
export async function startMoodyMaas(t: TestContext, seed: number): Promise<MoodyMaas> {
  const dice = createDice(seed);
  const arrivals: Arrival[] = [];
  const sockets = new Set<Socket>();
  const working = new Set<ServerResponse>();

  function roll(): Mood {
    let left = dice() * 100;
    for (const [mood, share] of Object.entries(moods)) {
      left -= share;
      if (left < 0) return mood as Mood;
    }
    return 'answer';
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers } = request;
    const id = header(headers['x-soak-id']);
    const mood = id === '' ? 'answer' : headers['x-soak-hold'] === undefined ? roll() : 'hold';
    const { method = '', url = '' } = request;
    const arrival: Arrival = {
      id,
      method,
      authorization: header(headers.authorization),
      mood,
      sha256: undefined,
      answered: undefined,
    };
    arrivals.push(arrival);
    const body = id === '' ? ownAnswer(url) : answerBody(id, Number(headers['x-soak-size'] ?? 0));
    const { socket } = request;
    if (mood === 'reset-upload') {
      if (headers['content-length'] !== undefined) await new Promise((resolve) => request.once('data', resolve));
      socket.resetAndDestroy();
      return;
    }
    if (mood === 'early') {
      request.resume();
    } else {
      arrival.sha256 = await hashOf(request);
      if (arrival.sha256 === undefined || mood === 'hold') return;
    }
    if (mood === 'cut') socket.destroy();
    if (mood === 'reset') socket.resetAndDestroy();
    if (mood === 'delay') await wait(dice() * 200);
    if (socket.destroyed) return;

    const status = mood === 'busy' ? 503 : 200;
    response.once('finish', () => {
      arrival.answered = status;
      if (mood === 'drop-idle') socket.destroy();
    });
    response.writeHead(status, {
      'Content-Length': body.length,
      'X-Soak-Id': id,
      ...(mood === 'busy' && { 'Retry-After': '0' }),
    });
    const half = Math.floor(body.length / 2);
    switch (mood) {
      case 'cut-body':
        response.write(body.subarray(0, half), () => socket.destroy());
        break;
      case 'reset-body':
        response.write(body.subarray(0, half), () => socket.resetAndDestroy());
        break;
      case 'trickle':
        for (let at = 0; at < 3; at += 1) {
          response.write(body.subarray((body.length * at) / 4, (body.length * (at + 1)) / 4));
          await wait(dice() * 20);
        }
        response.end(body.subarray((body.length * 3) / 4));
        break;
      default:
        response.end(body);
    }
  }

  // Node tells its 5 s in a Keep-Alive field, so that the other side closes idle connections before.
  const server = createServer({ keepAliveTimeout: 5_000, requestTimeout: 0 }, (request, response) => {
    working.add(response);
    response.once('close', () => working.delete(response));
    request.on('error', () => {}); // the client went away, or was sent away
    void serve(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    connections: () => sockets.size,
    // A request that comes on a connection which is being closed has an answer without an end.
    open: () => [...working].filter(({ req, writableFinished }) => !req.socket.destroyed && !writableFinished).length,
  };
}

/** What the proxy asks at its start. */
function ownAnswer(url: string): Buffer {
  return Buffer.from(
    url.endsWith('/version/') ? '{"version": "3.7.3"}' : '{"username": "admin", "is_superuser": true}',
  );
}

/** The hash of a body, `undefined` where it did not come whole. */
function hashOf(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => resolve(hash.digest('hex')));
    request.on('close', () => resolve(undefined));
  });
}

function header(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}

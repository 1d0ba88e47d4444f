import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createDice } from './dice.ts';

/** What this MAAS may do with a request, and for how many percent of requests. */
const behaviours = {
  respond: 66,
  /** Responds after a delay. */
  delay: 8,
  /** Sends the response in pieces. */
  trickle: 5,
  /** A normal response with keep-alive; the connection closes right after it. */
  'drop-idle': 6,
  /** A 503 with `Retry-After: 0`. */
  busy: 3,
  /** Responds before the request's body has arrived; requests without a body get a normal response. */
  early: 2,
  /** Closes the connection instead of a response; `reset` with a TCP reset. */
  cut: 3,
  reset: 3,
  /** Resets the connection while the request's body arrives; without a body, right after the head. */
  'reset-upload': 1,
  /** Closes or resets the connection in the middle of the response's body. */
  'cut-body': 2,
  'reset-body': 1,
} as const;

export type Behaviour = keyof typeof behaviours | 'hold';

/** A request as it arrived, and its outcome. */
export interface Arrival {
  /** The `X-Soak-Id`; empty for the proxy's own requests. */
  readonly id: string;
  readonly method: string;
  readonly authorization: string;
  readonly behaviour: Behaviour;
  /** Of its body, in hex, once that has arrived completely. */
  sha256: string | undefined;
  /** The status of the response, once the operating system has all of it. */
  responded: number | undefined;
}

export interface FaultyMaas {
  readonly url: string;
  readonly arrivals: readonly Arrival[];
  connections(): number;
  /** How many requests have neither a complete response nor a closed connection. */
  open(): number;
}

/** The body of the response to a request, which is unique to it. */
export function responseBody(id: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${id};`);
}

/**
 * A server in MAAS's place that closes, resets and delays at random, and records what it did. A request has its id in
 * `X-Soak-Id`, and the size of the response's body in `X-Soak-Size`; with `X-Soak-Hold` it gets no response.
 */
export async function startFaultyMaas(t: TestContext, seed: number): Promise<FaultyMaas> {
  const dice = createDice(seed);
  const arrivals: Arrival[] = [];
  const sockets = new Set<Socket>();
  const working = new Set<ServerResponse>();

  function roll(): Behaviour {
    let left = dice() * 100;
    for (const [behaviour, share] of Object.entries(behaviours)) {
      left -= share;
      if (left < 0) return behaviour as Behaviour;
    }
    return 'respond';
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers } = request;
    const id = header(headers['x-soak-id']);
    const behaviour = id === '' ? 'respond' : headers['x-soak-hold'] === undefined ? roll() : 'hold';
    const { method = '', url = '' } = request;
    const arrival: Arrival = {
      id,
      method,
      authorization: header(headers.authorization),
      behaviour,
      sha256: undefined,
      responded: undefined,
    };
    arrivals.push(arrival);
    const body = id === '' ? startupResponse(url) : responseBody(id, Number(headers['x-soak-size'] ?? 0));
    const { socket } = request;
    if (behaviour === 'reset-upload') {
      if (headers['content-length'] !== undefined) await new Promise((resolve) => request.once('data', resolve));
      socket.resetAndDestroy();
      return;
    }
    if (behaviour === 'early') {
      request.resume();
    } else {
      arrival.sha256 = await hashOf(request);
      if (arrival.sha256 === undefined || behaviour === 'hold') return;
    }
    if (behaviour === 'cut') socket.destroy();
    if (behaviour === 'reset') socket.resetAndDestroy();
    if (behaviour === 'delay') await wait(dice() * 200);
    if (socket.destroyed) return;

    const status = behaviour === 'busy' ? 503 : 200;
    response.once('finish', () => {
      arrival.responded = status;
      if (behaviour === 'drop-idle') socket.destroy();
    });
    response.writeHead(status, {
      'Content-Length': body.length,
      'X-Soak-Id': id,
      ...(behaviour === 'busy' && { 'Retry-After': '0' }),
    });
    const half = Math.floor(body.length / 2);
    switch (behaviour) {
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

  // Node sends its 5 s in a Keep-Alive field, so that the other side closes idle connections earlier.
  const server = createServer({ keepAliveTimeout: 5_000, requestTimeout: 0 }, (request, response) => {
    working.add(response);
    response.once('close', () => working.delete(response));
    request.on('error', () => {}); // the client disconnected, or was disconnected
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
    // The response to a request that arrives on a closing connection never ends.
    open: () => [...working].filter(({ req, writableFinished }) => !req.socket.destroyed && !writableFinished).length,
  };
}

/** The responses to the proxy's own requests at its start. */
function startupResponse(url: string): Buffer {
  return Buffer.from(
    url.endsWith('/version/') ? '{"version": "3.7.3"}' : '{"username": "admin", "is_superuser": true}',
  );
}

/** The hash of a body, `undefined` if it is incomplete. */
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

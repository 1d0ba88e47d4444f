import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { MaasAnswer } from './case.ts';
import { valuesOf } from './message.ts';
import { readRequests, type Received } from './received.ts';

/** A request at MAAS's side, and how many others there were unanswered when it came. */
export interface Arrival extends Received {
  readonly unanswered: number;
}

/** How MAAS's side is to behave. */
export interface Behaviour {
  readonly answers: readonly MaasAnswer[];
  readonly after: 'request' | 'head';
}

/** A TCP server in MAAS's place, which records what it receives and answers with raw bytes. */
export interface RawOrigin {
  readonly port: number;
  /** Begins a recording. */
  begin(behaviour: Behaviour): void;
  /** Resolves when this text has been received, `false` when it was not within `patience` ms. */
  received(text: string, patience: number): Promise<boolean>;
  /** Ends the recording and all connections; the requests come in the order in which they were begun. */
  finish(): Promise<Arrival[]>;
  close(): void;
}

/** A connection, what came over it, and how far that has been answered. */
interface Connection {
  readonly socket: Socket;
  bytes: string;
  answered: number;
  continued: number;
  queue: Promise<void>;
  readonly arrived: { readonly order: number; readonly unanswered: number }[];
}

/** Time in which a request that ought not to come would come, ms. */
const silence = 100;

const json = (text: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;

/** What our program asks on its own account; not part of any case. */
const ownQuestions: readonly (readonly [RegExp, string])[] = [
  [/\/version\/$/, json('{"version": "3.7.3", "subversion": "", "capabilities": []}')],
  [/\/users\/\?op=whoami$/, json('{"username": "admin", "is_superuser": true}')],
];

/** Starts one on a free port of 127.0.0.1. */
export async function startRawOrigin(): Promise<RawOrigin> {
  const connections = new Set<Connection>();
  let recorded: Connection[] = [];
  let behaviour: Behaviour = { answers: [], after: 'request' };
  let count = 0;
  let open = 0;
  let lastActivity = 0;
  const watchers = new Set<() => void>();

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection: Connection = {
      socket,
      bytes: '',
      answered: 0,
      continued: 0,
      queue: Promise.resolve(),
      arrived: [],
    };
    connections.add(connection);
    recorded.push(connection);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      lastActivity = performance.now();
      connection.bytes += text;
      answerWhatIsThere(connection);
      for (const watch of watchers) watch();
    });
    // Whatever ends the connection, it is the program's own doing, and seen in what it did not send.
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      connections.delete(connection);
      for (const watch of watchers) watch();
    });
  });

  function answerWhatIsThere(connection: Connection): void {
    for (const request of readRequests(connection.bytes).slice(connection.answered)) {
      if (behaviour.after === 'request') {
        continueWhereAsked(connection, request);
        if (!request.complete) return;
      }
      connection.answered += 1;
      const own = ownQuestions.find(([target]) => target.test(request.target));
      const answer = own?.[1] ?? behaviour.answers[Math.min(count, behaviour.answers.length - 1)] ?? '';
      connection.arrived.push({ order: count, unanswered: open });
      if (own === undefined) {
        count += 1;
        open += 1;
      }
      connection.queue = answerAfter(connection.queue, {
        socket: connection.socket,
        answer,
        request,
        own: own !== undefined,
      });
      if (!request.complete) return;
    }
  }

  async function answerAfter(
    queue: Promise<void>,
    { socket, answer, request, own }: { socket: Socket; answer: MaasAnswer; request: Received; own: boolean },
  ): Promise<void> {
    await queue;
    await play(socket, answer, request.target);
    if (!own) open -= 1;
  }

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });

  /** Resolves with `true` as soon as a look says so. */
  function until(look: () => boolean, patience: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (result: boolean): void => {
        clearTimeout(timer);
        watchers.delete(watch);
        resolve(result);
      };
      const watch = (): void => {
        if (look()) done(true);
      };
      const timer = setTimeout(() => done(false), patience);
      watchers.add(watch);
      watch();
    });
  }

  return {
    port: (server.address() as AddressInfo).port,
    begin(next) {
      behaviour = next;
      recorded = [];
      count = 0;
      open = 0;
    },
    received: (text, patience) => until(() => recorded.some(({ bytes }) => bytes.includes(text)), patience),
    async finish() {
      lastActivity = Math.max(lastActivity, performance.now() - silence / 2);
      for (let left = silence; left > 0; left = lastActivity + silence - performance.now()) await wait(left);
      const ended = [...connections];
      for (const { socket } of ended) socket.end();
      // The program ends its side when it has read our end: what it had sent before is then here.
      await until(() => ended.every((connection) => !connections.has(connection)), 1000);
      for (const { socket } of ended) socket.destroy();
      return recorded.flatMap(arrivals).toSorted((a, b) => a.order - b.order);
    },
    close() {
      for (const { socket } of connections) socket.destroy();
      server.close();
    },
  };
}

function arrivals({ bytes, arrived }: Connection): (Arrival & { order: number })[] {
  const requests: (Arrival & { order: number })[] = [];
  for (const [index, request] of readRequests(bytes).entries()) {
    if (ownQuestions.some(([target]) => target.test(request.target))) continue;
    requests.push({ ...request, order: Infinity, unanswered: 0, ...arrived[index] });
  }
  return requests;
}

/** Where the program passes an expectation on, MAAS's side answers it as any server does (RFC 9110 §10.1.1). */
function continueWhereAsked(connection: Connection, { fields }: Received): void {
  if (connection.continued > connection.answered || valuesOf(fields, 'expect').join().toLowerCase() !== '100-continue')
    return;
  connection.continued = connection.answered + 1;
  connection.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
}

async function play(socket: Socket, answer: MaasAnswer, target: string): Promise<void> {
  for (const step of typeof answer === 'string' ? [{ send: answer }] : answer) {
    if ('send' in step) socket.write(step.send.replace('{target}', target), 'latin1');
    else if ('hold' in step) await wait(step.hold);
    else if ('close' in step) socket.end();
    else socket.resetAndDestroy();
  }
}

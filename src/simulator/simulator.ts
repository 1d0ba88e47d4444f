/**
 * A simulator of a MAAS API server, for tests and for the demo. It is tested against recordings of real
 * MAAS servers (3.7.3 and 3.4.10) in test/recordings, and it shares no code with the proxy, so that a mistake there is
 * not repeated here.
 *
 * In it: signatures with every fault that MAAS finds in them, all spellings of an operation, the limits of its nginx,
 * its header sets, and enough of users, account, zones, tags, files, machines, nodes, boot-resources, scripts, subnets,
 * events and settings to work with.
 *
 * Left out: about 300 of MAAS's 388 operations (unknown paths answer MAAS's own 404); HMAC-SHA1 signatures and macaroons;
 * making users; filters on lists; anything that takes time (a machine that deploys stays `Deploying`); permissions finer
 * than superuser or not; the web interface, API v3 and the metadata server. Its own, not MAAS's: `GET files/?op=get`
 * for `sim-<N>MiB.bin` (N MiB of fixed bytes) and `PUT files/sim-upload` (takes any size, answers with its hash).
 */
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createAccounts, DEMO_ADMIN_KEY, DEMO_DISABLED_KEY, DEMO_USER_KEY } from './accounts.ts';
import { nginx, type SimulatedResponse } from './response.ts';
import { takeBody } from './body.ts';
import { dispatch, route, type Server } from './dispatch.ts';
import { createFaults, type Fault, type Faults } from './faults.ts';
import type { Machine } from './machine.ts';
import { createLog, type ReceivedRequest } from './received.ts';
import { ended, refuseBody, send, type Wire } from './send.ts';
import { createSlots } from './slots.ts';
import { createState } from './state.ts';
import type { Version } from './version-facts.ts';

export { DEMO_ADMIN_KEY, DEMO_DISABLED_KEY, DEMO_SESSIONS, DEMO_USER_KEY } from './accounts.ts';
export { simulatedFileSha256 } from './files.ts';
export type { Fault, Faults, RandomFaults } from './faults.ts';
export type { ReceivedRequest } from './received.ts';

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** PEM: serve https. */
  tls?: { cert: string; key: string };
  /** How many machines there are. Default 200, of which the list is 0.9 MB long. */
  machines?: number;
  /** Default 3.7.3. */
  version?: Version;
  /** Requests worked on at once, the others wait in line (MAAS: 16). Default: no limit. */
  slots?: number;
  /** Milliseconds before the answer, by `METHOD /path/` with the path below `/MAAS/api/2.0` and without query. */
  delays?: Record<string, number>;
  /** Seconds by which this server's clock is ahead: Date header and timestamp check. */
  clockOffset?: number;
  /** API keys `consumer:token:secret` of the users admin (superuser) and bob; default: DEMO_ADMIN_KEY, DEMO_USER_KEY. */
  keys?: { admin?: string; user?: string };
  /** Largest body in bytes, by default nginx's 10 MiB; `PUT files/sim-upload` takes any. */
  bodyLimit?: number;
  /** Be the plain port of a MAAS with TLS: 301 to this origin for everything but `/MAAS/api/2.0/machines…`. */
  plainPortRedirectsTo?: string;
}

export interface Simulator {
  /** `http://127.0.0.1:PORT`, without `/MAAS`. */
  url: string;
  port: number;
  adminKey: string;
  userKey: string;
  disabledKey: string;
  /** The last 20 000 requests, the oldest first. */
  received: ReceivedRequest[];
  /** Requests in work now; those that wait for a slot are not. */
  inFlight: () => number;
  /** Most requests in work at once. */
  readonly peak: number;
  /** Open sockets. */
  connections: () => number;
  faults: Faults;
  /** A machine as the operations left it, with what MAAS does not show (stopMode). */
  machine: (systemId: string) => Readonly<Machine> | undefined;
  /** Resolves with the next request as soon as its headers are there. */
  nextRequest: () => Promise<ReceivedRequest>;
  /** Resolves when no request is open, waiting ones included. */
  idle: () => Promise<void>;
  /** Forgets requests, peak and faults, and puts everything back to the start. */
  clear: () => void;
  /** Ends at once: all sockets are destroyed. */
  close: () => Promise<void>;
}

const API_ROOT = '/MAAS/api/2.0';
const NGINX_BODY_LIMIT = 10 * 2 ** 20;

/** Starts a simulator and resolves when it listens. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', tls, machines = 200, version = '3.7.3', clockOffset = 0 } = options;
  const adminKey = options.keys?.admin ?? DEMO_ADMIN_KEY;
  const userKey = options.keys?.user ?? DEMO_USER_KEY;
  const now = () => Date.now() + clockOffset * 1000;

  const log = createLog();
  const slots = createSlots(options.slots);
  const { faults, take: takeFault } = createFaults();
  const maas: Server = {
    accounts: createAccounts({ admin: adminKey, user: userKey }),
    nonces: new Map(),
    state: createState(machines, version),
    version,
    now: () => Math.floor(now() / 1000),
    url: () => url,
  };
  const sockets = new Set<Socket>();
  let open = 0;
  let idle: (() => void)[] = [];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entry = log.begin(request);
    const over = new AbortController();
    const keepAlive = request.httpVersion === '1.1' && !/\bclose\b/i.test(request.headers.connection ?? '');
    const wire: Wire = { response, over: over.signal, keepAlive, now: now(), tls: tls !== undefined };
    let fault: Fault | undefined;
    response.once('close', () => {
      entry.aborted = !response.writableFinished && fault?.kind !== 'cut' && fault?.kind !== 'reset';
      over.abort();
    });

    async function answerWith(answer: SimulatedResponse): Promise<void> {
      entry.status = answer.status;
      await send(wire, answer, fault);
    }

    const where = route(entry.target);
    if (options.plainPortRedirectsTo !== undefined && !where.path.startsWith(`${API_ROOT}/machines`)) {
      request.resume();
      const location = options.plainPortRedirectsTo + entry.target;
      await answerWith(nginx(301, 'Moved Permanently', [['Location', location]]));
      return;
    }

    const upload = where.resource?.stream?.(where.params, maas.state);
    const limit = where.resource?.unlimited ? Infinity : (options.bodyLimit ?? NGINX_BODY_LIMIT);
    const body = await takeBody(request, limit, upload && ((chunk) => void upload.update(chunk)));
    Object.assign(entry, { bodyLength: body.length, sha256: body.sha256, complete: body.outcome === 'whole' });
    log.keepBody(entry, body.beginning);
    if (body.outcome === 'cut') return;
    if (body.outcome === 'too-large') {
      entry.status = 413;
      await refuseBody(wire, nginx(413, 'Request Entity Too Large'));
      return;
    }

    const giveBack = await slots.take(over.signal);
    if (!giveBack) return;
    try {
      const path = where.path.startsWith(`${API_ROOT}/`) ? where.path.slice(API_ROOT.length) : where.path;
      const label = `${entry.method} ${path}`;
      fault = takeFault(where.query ? `${label}?${where.query}` : label);
      // A client that leaves frees its slot here at once; in MAAS the worker would finish first.
      const ms = (options.delays?.[label] ?? 0) + (fault?.kind === 'delay' ? fault.ms : 0);
      if (ms > 0) await wait(ms, undefined, { signal: over.signal }).catch(() => {});
      if (over.signal.aborted || (await struck(fault, wire, answerWith))) return;
      const outcome = dispatch(
        {
          method: entry.method,
          route: where,
          body: body.content,
          bodyLength: body.length,
          upload,
          bodySha256: body.sha256,
          scheme: tls ? 'https' : 'http',
          headers: request.headers as Record<string, string | undefined>,
        },
        maas,
      );
      entry.user = outcome.user;
      entry.operation = outcome.operation ?? entry.operation;
      await answerWith(outcome.answer);
    } finally {
      giveBack();
    }
  }

  /** The faults that strike before the operation runs; true: that was all. */
  async function struck(
    fault: Fault | undefined,
    wire: Wire,
    answerWith: (answer: SimulatedResponse) => Promise<void>,
  ) {
    const socket = wire.response.req.socket;
    if (fault?.kind === 'status') {
      const headers = Object.entries({ 'Content-Type': 'text/plain; charset=utf-8', ...fault.headers });
      await answerWith({ status: fault.status, headers, body: Buffer.from(fault.body ?? '') });
      return true;
    }
    if (fault?.kind === 'reset') {
      // Of TLS too the TCP connection is reset, which is another object with the same port.
      ([...sockets].find((one) => one.remotePort === socket.remotePort) ?? socket).resetAndDestroy();
      return true;
    }
    if ((fault?.kind !== 'cut' && fault?.kind !== 'stall') || fault.when === 'in-body') return false;
    if (fault.kind === 'cut') socket.destroy();
    else await ended(wire.over);
    return true;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    open += 1;
    try {
      await serve(request, response);
    } catch {
      // A mistake of the stand-in itself: the client sees a broken connection, the program goes on.
      request.socket.destroy();
    } finally {
      open -= 1;
      if (open === 0) {
        const waiting = idle;
        idle = [];
        for (const resolve of waiting) resolve();
      }
    }
  }

  // MAAS's nginx: idle connections live 65 s; its header buffers are 4 × 16 KiB.
  const settings = { keepAliveTimeout: 65_000, maxHeaderSize: 64 * 1024, requestTimeout: 0 };
  const listener = (request: IncomingMessage, response: ServerResponse) => void handle(request, response);
  const server = tls ? createHttps({ ...settings, ...tls }, listener) : createHttp(settings, listener);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;

  return {
    url,
    port,
    adminKey,
    userKey,
    disabledKey: DEMO_DISABLED_KEY,
    received: log.received,
    faults,
    inFlight: () => slots.inWork,
    get peak() {
      return slots.peak;
    },
    connections: () => sockets.size,
    machine: (systemId) => maas.state.machines.get(systemId),
    nextRequest: log.next,
    idle: async () => (open === 0 ? undefined : new Promise<void>((resolve) => void idle.push(resolve))),
    clear() {
      log.clear();
      faults.clear();
      slots.peak = slots.inWork;
      maas.state = createState(machines, version);
      maas.accounts = createAccounts({
        admin: adminKey,
        user: userKey,
      });
    },
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

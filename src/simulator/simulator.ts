/**
 * A simulator of a MAAS API server, for tests and for the demo. It is tested against recordings of real
 * MAAS servers (3.7.3 and 3.4.10) in test/recordings. It shares no code with the proxy, so that it does not repeat the
 * proxy's mistakes.
 *
 * Simulated: signatures with all errors that MAAS reports, all ways to write an operation, the limits and header sets
 * of MAAS's nginx, and enough of users, account, zones, tags, files, machines, nodes, boot-resources, scripts, subnets,
 * events and settings to work with.
 *
 * Not simulated: about 300 of MAAS's 388 operations (unknown paths get MAAS's own 404); HMAC-SHA1 signatures and
 * macaroons; creating users; filters on lists; anything that takes time (a machine that deploys stays `Deploying`);
 * permissions finer than superuser or not; the web interface, API v3 and the metadata server. Only in the simulator:
 * `GET files/?op=get` for `sim-<N>MiB.bin` (N MiB of fixed bytes) and `PUT files/sim-upload` (accepts any size,
 * responds with its hash).
 */
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createAccounts, DEMO_ADMIN_KEY, DEMO_DISABLED_KEY, DEMO_USER_KEY } from './accounts.ts';
import { nginx, type SimulatedResponse } from './response.ts';
import { readBody } from './body.ts';
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
  /** Number of machines. Default 200; their list is 0.9 MB long. */
  machines?: number;
  /** Default 3.7.3. */
  version?: Version;
  /** Concurrent requests; further ones wait in a queue (MAAS: 16). Default: no limit. */
  slots?: number;
  /** Milliseconds before the response, by `METHOD /path/` with the path below `/MAAS/api/2.0` and without query. */
  delays?: Record<string, number>;
  /** Seconds by which this server's clock is ahead: Date header and timestamp check. */
  clockOffset?: number;
  /**
   * API keys `consumer:token:secret` of the users admin (superuser) and bob; default: DEMO_ADMIN_KEY, DEMO_USER_KEY.
   */
  keys?: { admin?: string; user?: string };
  /** Largest body in bytes, by default nginx's 10 MiB; `PUT files/sim-upload` takes any. */
  bodyLimit?: number;
  /** Act as the plain http port of a MAAS with TLS: 301 to this origin for everything but `/MAAS/api/2.0/machines…`. */
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
  /** Requests that hold a slot; those that wait for one do not count. */
  inFlight: () => number;
  /** The peak of `inFlight`. */
  readonly peak: number;
  /** Open sockets. */
  connections: () => number;
  faults: Faults;
  /** A machine's current state, including what MAAS does not show (stopMode). */
  machine: (systemId: string) => Readonly<Machine> | undefined;
  /** Resolves with the next request as soon as its headers have arrived. */
  nextRequest: () => Promise<ReceivedRequest>;
  /** Resolves when no request is in flight or waits for a slot. */
  idle: () => Promise<void>;
  /** Forgets requests, peak and faults, and resets all state. */
  clear: () => void;
  /** Closes immediately: all sockets are destroyed. */
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

    async function respond(simulated: SimulatedResponse): Promise<void> {
      entry.status = simulated.status;
      await send(wire, simulated, fault);
    }

    const where = route(entry.target);
    if (options.plainPortRedirectsTo !== undefined && !where.path.startsWith(`${API_ROOT}/machines`)) {
      request.resume();
      const location = options.plainPortRedirectsTo + entry.target;
      await respond(nginx(301, 'Moved Permanently', [['Location', location]]));
      return;
    }

    const upload = where.resource?.stream?.(where.params, maas.state);
    const limit = where.resource?.unlimited ? Infinity : (options.bodyLimit ?? NGINX_BODY_LIMIT);
    const body = await readBody(request, limit, upload && ((chunk) => void upload.update(chunk)));
    Object.assign(entry, { bodyLength: body.length, sha256: body.sha256, complete: body.outcome === 'complete' });
    log.keepBody(entry, body.beginning);
    if (body.outcome === 'aborted') return;
    if (body.outcome === 'too-large') {
      entry.status = 413;
      await refuseBody(wire, nginx(413, 'Request Entity Too Large'));
      return;
    }

    const release = await slots.acquire(over.signal);
    if (!release) return;
    try {
      const path = where.path.startsWith(`${API_ROOT}/`) ? where.path.slice(API_ROOT.length) : where.path;
      const label = `${entry.method} ${path}`;
      fault = takeFault(where.query ? `${label}?${where.query}` : label);
      // A client that disconnects releases its slot immediately; in MAAS the worker would finish first.
      const ms = (options.delays?.[label] ?? 0) + (fault?.kind === 'delay' ? fault.ms : 0);
      if (ms > 0) await wait(ms, undefined, { signal: over.signal }).catch(() => {});
      if (over.signal.aborted || (await failEarly(fault, wire, respond))) return;
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
      await respond(outcome.response);
    } finally {
      release();
    }
  }

  /** Applies a fault that comes before the operation. @returns whether the request is finished */
  async function failEarly(
    fault: Fault | undefined,
    wire: Wire,
    respond: (simulated: SimulatedResponse) => Promise<void>,
  ) {
    const socket = wire.response.req.socket;
    if (fault?.kind === 'status') {
      const headers = Object.entries({ 'Content-Type': 'text/plain; charset=utf-8', ...fault.headers });
      await respond({ status: fault.status, headers, body: Buffer.from(fault.body ?? '') });
      return true;
    }
    if (fault?.kind === 'reset') {
      // With TLS, too, the TCP connection is reset; it is another object with the same port.
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
      // A bug in the simulator: the client sees a broken connection, the program continues.
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
    inFlight: () => slots.inFlight,
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
      slots.peak = slots.inFlight;
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

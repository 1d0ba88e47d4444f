// Three real processes behind a real HAProxy, with a real Redis: to clients they are one gateway.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startCli, type Running } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { give, oauth, writeClients } from '../support/gateway.ts';
import { startHaproxy } from '../support/haproxy.ts';
import { freePorts } from '../support/ports.ts';
import { needProgram } from '../support/programs.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const settings = fileURLToPath(new URL('../../../test/replicas/haproxy.cfg', import.meta.url));
const names = ['one', 'two', 'three'] as const;

test(
  'three replicas have one limit and one memory of signatures; one is killed under load, then Redis, and every read is answered',
  { timeout: 120_000 },
  async (t) => {
    const haproxy = await needProgram(t, 'haproxy', { args: ['-v'] });
    const redisServer = await needProgram(t, 'redis-server');
    if (haproxy === undefined || redisServer === undefined) return;
    const maas = await startSimulator({ machines: 1 });
    t.after(() => maas.close());
    const [listen = 0, redisPort = 0, ...ports] = await freePorts(8);
    const redis = await startRedis(t, redisServer, redisPort);
    const limited = give('limited', { limits: { perMinute: 12 } });
    const free = give('free');
    const clientsFile = writeClients(t, [limited, free]);
    const replicas = await Promise.all(
      names.map((_, index) => startReplica(t, maas, ports.slice(2 * index, 2 * index + 2), clientsFile, redisPort)),
    );
    await startHaproxy(
      t,
      haproxy,
      settings,
      Object.fromEntries([
        ['LISTEN_PORT', listen],
        ...names.flatMap((name, index) => [
          [`${name.toUpperCase()}_PORT`, ports[2 * index]],
          [`${name.toUpperCase()}_ADMIN_PORT`, ports[2 * index + 1]],
        ]),
      ]) as Record<string, number>,
      async () => (await ask(listen, '')).status === 401,
    );
    const bearer = `Bearer ${free.key}`;

    const seen = new Set<string>();
    await eventually(
      async () => seen.add((await ask(listen, bearer)).servedBy).size === 3,
      () => `only ${[...seen].join(', ')} answer`,
    );

    const start = performance.now();
    const many = await Promise.all(Array.from({ length: 48 }, () => ask(listen, `Bearer ${limited.key}`)));
    const passed = many.filter(({ status }) => status === 200);
    // A minute's twelve, and one more each 5 s.
    const most = 12 + Math.ceil((performance.now() - start) / 5_000);
    assert.ok(passed.length >= 12 && passed.length <= most, `${passed.length} passed of twelve`);
    assert.equal(many.filter(({ status }) => status === 429).length, 48 - passed.length);
    assert.equal(new Set(many.map(({ servedBy }) => servedBy)).size, 3);

    const signed = oauth(free.key);
    const repeated = [await ask(listen, signed), await ask(listen, signed), await ask(listen, signed)];
    assert.deepEqual(
      repeated.map(({ status }) => status),
      [200, 401, 401],
    );
    assert.equal(new Set(repeated.map(({ servedBy }) => servedBy)).size, 3);

    const load = startLoad(t, listen, bearer);
    await load.goesOn();
    const [first] = replicas;
    first?.child.kill('SIGKILL');
    assert.equal((await first?.ended)?.signal, 'SIGKILL');
    await load.goesOn();
    assert.deepEqual(load.failures, [], 'a replica was killed');

    const left = replicas.slice(1);
    await redis.kill();
    await Promise.all(left.map(({ printed }) => printed(/Redis does not answer/)));
    await load.goesOn();
    assert.deepEqual(load.failures, [], 'Redis was killed');
    await startRedis(t, redisServer, redisPort);
    await until(() => left.every(({ output }) => count(output(), /Redis answers/g) === 2), 'Redis again');
    await load.goesOn();
    const reads = await load.end();
    assert.deepEqual(load.failures, []);
    for (const { output } of left) assert.equal(count(output(), /Redis does not answer/g), 1);
    t.diagnostic(`${reads} reads, ${passed.length} of 48 within the limit`);
  },
);

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

async function startReplica(
  t: TestContext,
  maas: Simulator,
  [port, adminPort]: readonly number[],
  clientsFile: string,
  redisPort: number,
): Promise<Running> {
  const running = startCli(t, ['--port', String(port), '--admin-port', String(adminPort)], {
    MAAS_URL: maas.url,
    MAAS_API_KEY: maas.adminKey,
    CLIENTS_FILE: clientsFile,
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    LOG_LEVEL: 'info',
  });
  await running.printed(/Redis answers/);
  await running.printed(/listening on/);
  return running;
}

interface Load {
  readonly failures: readonly string[];
  /** Resolves when a hundred more reads are answered. */
  goesOn(): Promise<void>;
  /** Resolves with the number of reads when those in flight are answered. */
  end(): Promise<number>;
}

/** Clients that read, one half on connections that they keep, the other each time on a new one. */
function startLoad(t: TestContext, port: number, authorization: string): Load {
  const agent = new Agent({ keepAlive: true });
  const over = new AbortController();
  const failures: string[] = [];
  let reads = 0;
  t.after(() => {
    over.abort();
    agent.destroy();
  });
  async function client(keepsConnection: boolean): Promise<void> {
    while (!over.signal.aborted) {
      const { status, body } = await ask(port, authorization, keepsConnection && agent);
      if (status !== 200 || !body.includes('"username": "admin"')) failures.push(`${status} ${body}`);
      reads += 1;
    }
  }
  const working = Array.from({ length: 8 }, (_, index) => client(index % 2 === 0));
  return {
    failures,
    async goesOn() {
      const before = reads;
      await until(() => reads >= before + 100, 'a hundred more reads');
    },
    async end() {
      over.abort();
      await Promise.all(working);
      return reads;
    },
  };
}

interface Answered {
  /** 0 where no whole answer came. */
  readonly status: number;
  readonly servedBy: string;
  readonly body: string;
}

function ask(port: number, authorization: string, agent: Agent | false = false): Promise<Answered> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, servedBy: '', body: error.message });
    const headers = authorization === '' ? {} : { Authorization: authorization };
    const sent = request({ host: '127.0.0.1', port, agent, path: '/users/?op=whoami', headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.on('error', fail);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, servedBy: String(answer.headers['x-served-by']), body });
      });
    });
    sent.on('error', fail);
    sent.end();
  });
}

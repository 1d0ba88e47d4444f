// Two proxies behind HAProxy are restarted one after the other while clients work: nobody notices.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startCli, type Running } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startHaproxy } from '../support/haproxy.ts';
import { freePorts } from '../support/ports.ts';
import { needProgram } from '../support/programs.ts';

const settings = fileURLToPath(new URL('../../../test/rolling-restart/haproxy.cfg', import.meta.url));

const restarts = 3;
const clients = 16;

test(
  'SIGTERM under load behind HAProxy: no request fails over three restarts of each of two proxies, and no write runs twice',
  { timeout: 300_000 },
  async (t) => {
    const haproxy = await needProgram(t, 'haproxy', { args: ['-v'] });
    if (haproxy === undefined) return;
    const maas = await startSimulator({ machines: 1 });
    t.after(() => maas.close());
    const [listen = 0, one = 0, oneAdmin = 0, two = 0, twoAdmin = 0] = await freePorts(5);
    const places = {
      one: { port: one, adminPort: oneAdmin },
      two: { port: two, adminPort: twoAdmin },
    };
    let first = await startProxy(t, maas, places.one);
    let second = await startProxy(t, maas, places.two);
    await startHaproxy(
      t,
      haproxy,
      settings,
      {
        LISTEN_PORT: listen,
        ONE_PORT: one,
        ONE_ADMIN_PORT: oneAdmin,
        TWO_PORT: two,
        TWO_ADMIN_PORT: twoAdmin,
      },
      async () => (await ask(listen, false, 'GET', '/version/')).status === 200,
    );

    const load = startLoad(t, listen);
    await load.servedBy('one');
    await load.servedBy('two');
    for (let round = 0; round < restarts; round += 1) {
      await stop(first);
      first = await startProxy(t, maas, places.one);
      await load.servedBy('one');
      await stop(second);
      second = await startProxy(t, maas, places.two);
      await load.servedBy('two');
    }
    const { reads, writes, failures } = await load.end();
    t.diagnostic(`${reads} reads and ${writes} writes`);
    assert.deepEqual(failures, []);
    assert.ok(reads > 100 && writes > 100, `${reads} reads and ${writes} writes are no load`);
    const created = maas.received.filter(({ method, complete }) => method === 'POST' && complete);
    assert.equal(created.length, writes, 'each write ran once');
    await stop(first);
    await stop(second);
  },
);

interface Place {
  readonly port: number;
  readonly adminPort: number;
}

async function startProxy(t: TestContext, maas: Simulator, { port, adminPort }: Place): Promise<Running> {
  const running = startCli(t, ['--port', String(port), '--admin-port', String(adminPort)], {
    MAAS_URL: maas.url,
    MAAS_API_KEY: maas.adminKey,
    LOG_LEVEL: 'info',
  });
  await running.printed(/listening on/);
  return running;
}

async function stop({ child, ended }: Running): Promise<void> {
  child.kill('SIGTERM');
  const { code, signal, stdout, stderr } = await ended;
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  assert.doesNotMatch(stdout, /were cut/);
}

interface Load {
  /** Resolves when an answer to a request that was sent from now on came by way of this proxy. */
  servedBy(name: string): Promise<void>;
  /** Resolves when the requests in flight are answered. */
  end(): Promise<{ readonly reads: number; readonly writes: number; readonly failures: readonly string[] }>;
}

/** Clients that read and write in turn: one half on connections that they keep, the other each time on a new one. */
function startLoad(t: TestContext, port: number): Load {
  const agent = new Agent({ keepAlive: true });
  const failures: string[] = [];
  const seen = new Set<string>();
  let reads = 0;
  let writes = 0;
  const over = new AbortController();
  t.after(() => {
    over.abort();
    agent.destroy();
  });

  async function client(name: string, keepsConnection: boolean): Promise<void> {
    for (let count = 0; !over.signal.aborted; count += 1) {
      const isRead = count % 2 === 0;
      const tag = `tag-${name}-${count}`;
      const answer = isRead
        ? await ask(port, keepsConnection && agent, 'GET', '/users/?op=whoami')
        : await ask(port, keepsConnection && agent, 'POST', '/tags/', `name=${tag}`);
      const expected = isRead ? '"username": "admin"' : `"name": "${tag}"`;
      if (answer.status !== 200 || !answer.body.includes(expected)) {
        failures.push(
          `${isRead ? 'read' : 'write'} ${keepsConnection ? 'kept' : 'new'}: ${answer.status} ${answer.body}`,
        );
      }
      if (isRead) reads += 1;
      else writes += 1;
      seen.add(answer.servedBy);
      await wait(5);
    }
  }

  const working = Array.from({ length: clients }, (_, index) => client(String(index), index % 2 === 0));
  return {
    async servedBy(name) {
      seen.clear();
      await eventually(
        () => seen.has(name),
        () => `no answer by way of "${name}"; failures so far: ${failures.slice(0, 5).join('\n')}`,
      );
    },
    async end() {
      over.abort();
      await Promise.all(working);
      return { reads, writes, failures };
    },
  };
}

interface Answered {
  /** 0 where no whole answer came. */
  readonly status: number;
  readonly servedBy: string;
  readonly body: string;
}

function ask(port: number, agent: Agent | false, method: string, path: string, form?: string): Promise<Answered> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, servedBy: '', body: error.message });
    const headers = form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' };
    const sent = request({ host: '127.0.0.1', port, agent, method, path, headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.on('error', fail);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, servedBy: String(answer.headers['x-served-by']), body });
      });
    });
    sent.on('error', fail);
    sent.end(form);
  });
}

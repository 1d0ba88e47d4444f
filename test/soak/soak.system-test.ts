// Ten thousand requests of all kinds through the program as a process of its own, in front of a MAAS that closes, resets and
// delays at random. The seed decides who does what; the order in which it happens is the machine's.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startCli, type Running } from '../support/cli.ts';
import { createDice } from '../support/dice.ts';
import { eventually } from '../support/eventually.ts';
import { responseBody, startFaultyMaas, type Arrival } from '../support/faulty-maas.ts';
import { canaryKey } from '../support/proxy.ts';

const count = 10_000;
const atOnce = 64;
const seed = 20_260;
const MIB = 2 ** 20;
/** After which silence a client gives the test up, ms. */
const patience = 30_000;
/** How much more memory the program may have: while bodies of 4 MiB are under way 64 at once, and held when all is over, MB. */
const memoryGrowth = { underLoad: 160, afterwards: 16 };

/** In the program: on SIGUSR2 collects all garbage and tells what is still held, MB. */
const tellHeld = `
  process.on('SIGUSR2', () => {
    for (let round = 0; round < 3; round += 1) globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    process.stderr.write('held: ' + ((heapUsed + external) / 1e6).toFixed(1) + '\\n');
  });
`;

test(
  `${count} mixed requests, ${atOnce} at once, with a MAAS that closes, resets and delays at random`,
  { timeout: 600_000 },
  async (t) => {
    const maas = await startFaultyMaas(t, seed);
    const running = startCli(t, ['--port', '0', '--admin-port', '0'], {
      MAAS_URL: maas.url,
      MAAS_API_KEY: canaryKey,
      NODE_OPTIONS: `--expose-gc --import=data:text/javascript,${encodeURIComponent(tellHeld)}`,
    });
    const [, port] = await running.printed(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/);
    await running.printed(/the key is admin/);
    await eventually(
      () => maas.connections() === 0,
      () => 'the first look at MAAS leaves a connection open',
    );
    const before = { files: openFiles(running), memory: memory(running), held: await heldMemory(running) };

    const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
    t.after(() => agent.destroy());
    const plans = planAll();
    const outcomes = new Map<string, Outcome>();
    const samples: number[] = [];
    const started = performance.now();
    const todo = plans.values();
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (const plan of todo) {
          outcomes.set(plan.id, await carryOut(plan, Number(port), agent));
          if (outcomes.size % 50 === 0) samples.push(memory(running));
        }
      }),
    );
    t.diagnostic(`${Math.round((performance.now() - started) / 1000)} s, ${maas.arrivals.length} requests at MAAS`);
    t.diagnostic(JSON.stringify(countBy([...outcomes.values()].map(({ kind }) => kind))));

    await t.test("every answer is MAAS's own, a problem document, or broken where MAAS broke it", () => {
      const arrivals = byId(maas.arrivals);
      assert.deepEqual(
        plans.flatMap((plan) => explain(plan, outcomes.get(plan.id) as Outcome, arrivals.get(plan.id) ?? [])),
        [],
      );
    });

    await t.test('no write arrives twice, and what arrives whole is what was sent', () => {
      const arrivals = byId(maas.arrivals);
      const wrong: string[] = [];
      for (const { id, method, body } of plans) {
        const arrived = arrivals.get(id) ?? [];
        if (arrived.length > (method === 'GET' ? 3 : 1)) wrong.push(`${method} ${id} arrived ${arrived.length} times`);
        const sha256 = hash(body ?? Buffer.alloc(0));
        if (arrived.some((one) => one.sha256 !== undefined && one.sha256 !== sha256)) wrong.push(`${id}: another body`);
      }
      assert.deepEqual(wrong, []);
      assert.ok(
        plans.some(({ id }) => (arrivals.get(id) ?? []).length > 1),
        'no read was sent again: this test shows nothing',
      );
    });

    await t.test('every request is signed, and no nonce is used twice', () => {
      const nonces = maas.arrivals.map(({ authorization }) => /oauth_nonce="([0-9a-f]{32})"/.exec(authorization)?.[1]);
      assert.ok(maas.arrivals.every(({ authorization }) => authorization.includes('CanaryTokenValue00')));
      assert.equal(new Set(nonces).size, maas.arrivals.length);
      assert.ok(!nonces.includes(undefined));
    });

    await t.test(
      'afterwards sockets are where they were, on both sides, and MAAS works on nothing any more',
      async () => {
        agent.destroy();
        await eventually(
          () => maas.open() === 0 && maas.connections() === 0 && openFiles(running) <= before.files,
          () =>
            `${maas.open()} requests, ${maas.connections()} connections, ${openFiles(running)} files (${before.files} before)`,
        );
      },
    );

    await t.test('the log has one line for each request, with the status that the client saw', async () => {
      const wrong = (): unknown[] => notLogged(running.output(), outcomes);
      await eventually(
        () => wrong().length === 0, // what was written last may still be on its way
        () => JSON.stringify(wrong()),
        5_000,
      );
      assert.doesNotMatch(running.output(), /internal-error/);
    });

    await t.test('memory returns to where it was', { skip: hasProc ? false : 'no /proc here' }, async () => {
      const most = Math.max(...samples, memory(running));
      const held = await heldMemory(running);
      t.diagnostic(`MB: ${before.memory} before, ${most} at most; held ${before.held} before and ${held} after`);
      assert.ok(most - before.memory < memoryGrowth.underLoad, `${before.memory} MB before, ${most} MB at most`);
      assert.ok(held - before.held < memoryGrowth.afterwards, `${before.held} MB held before, ${held} MB after`);
    });
  },
);

/** What a client is to do. */
interface Plan {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly body: Buffer | undefined;
  readonly isChunked: boolean;
  /** How many bytes it wants back. */
  readonly size: number;
  readonly manner: 'plain' | 'sends slowly' | 'reads slowly' | Leaving;
}

/** A client that goes away; the first one goes from a request that MAAS does not answer. */
type Leaving = 'leaves at rest' | 'leaves early' | 'leaves at the head' | 'leaves in the body' | 'leaves while sending';

/** What came of it. */
type Outcome =
  | { readonly kind: 'maas' | 'problem'; readonly status: number; readonly code?: string }
  /** The answer's head came, and then not all of its body. */
  | { readonly kind: 'broken' }
  | { readonly kind: 'left' }
  | { readonly kind: 'wrong'; readonly status: number; readonly why: string };

const uploads = Array.from({ length: 8 }, () => randomBytes(4 * MIB));

function planAll(): Plan[] {
  const dice = createDice(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(dice() * choices.length)] as T;
  return Array.from({ length: count }, (_, index) => {
    const id = `soak-${index}`;
    const kind = dice();
    const plan = {
      id,
      body: undefined,
      isChunked: false,
      size: pick(300, 300, 3_000, 3_000, 30_000),
      manner: 'plain',
    } as const;
    if (kind < 0.55) return { ...plan, method: 'GET', size: dice() < 0.02 ? 300_000 : plan.size };
    const form = {
      ...plan,
      method: 'POST',
      body: formOf(index, pick(0, 10, 100, 1_000)),
      isChunked: dice() < 0.2,
    } as const;
    if (kind < 0.86) return form;
    const upload = { ...plan, method: 'PUT', body: pick(...uploads), isChunked: dice() < 0.2 } as const;
    if (kind < 0.885) return upload;
    if (kind < 0.91) return { ...form, manner: 'sends slowly' };
    if (kind < 0.925) return { ...plan, method: 'GET', size: 1.5 * MIB, manner: 'reads slowly' };
    if (kind < 0.935) return { ...upload, manner: 'leaves while sending' };
    return {
      ...(dice() < 0.5 ? form : ({ ...plan, method: 'GET' } as const)),
      size: 100_000,
      manner: pick('leaves at rest', 'leaves early', 'leaves at the head', 'leaves in the body'),
    };
  });
}

function formOf(index: number, fields: number): Buffer {
  return Buffer.from(`name=soak-${index}${'&comment=%20some+text'.repeat(fields)}`);
}

/** Sends one request, as the plan says. */
function carryOut(plan: Plan, port: number, agent: Agent): Promise<Outcome> {
  return new Promise((resolve) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      agent,
      method: plan.method,
      path: '/MAAS/api/2.0/tags/',
      headers: {
        'X-Request-Id': plan.id,
        'X-Soak-Id': plan.id,
        'X-Soak-Size': plan.size,
        ...(plan.manner === 'leaves at rest' && { 'X-Soak-Hold': 'yes' }),
        ...(plan.method === 'POST' && { 'Content-Type': 'application/x-www-form-urlencoded' }),
        ...(plan.body !== undefined && !plan.isChunked && { 'Content-Length': plan.body.length }),
      },
    });
    const leave = (): void => {
      resolve({ kind: 'left' });
      sent.destroy();
    };
    sent.on('error', (error) => {
      // After the answer's head this is the upload's end, and of no interest.
      if (!isAnswered) resolve({ kind: 'wrong', status: 0, why: `no answer: ${error.message}` });
    });
    sent.setTimeout(patience, () => {
      resolve({ kind: 'wrong', status: 0, why: `nothing came for ${patience} ms` });
      sent.destroy();
    });
    let isAnswered = false;
    sent.on('response', (answer: IncomingMessage) => {
      isAnswered = true;
      if (plan.manner === 'leaves at the head') return leave();
      if (plan.manner === 'leaves in the body') answer.once('data', leave);
      void readAnswer(plan, answer).then(resolve);
    });
    void sendBody(plan, sent, leave);
  });
}

async function sendBody({ body, manner }: Plan, sent: ClientRequest, leave: () => void): Promise<void> {
  switch (manner) {
    case 'sends slowly':
      for (let at = 0; at < 4; at += 1) {
        const { length = 0 } = body ?? {};
        sent.write(body?.subarray((length * at) / 4, (length * (at + 1)) / 4));
        await wait(25);
      }
      sent.end();
      break;
    case 'leaves while sending':
      sent.write(body?.subarray(0, MIB), leave);
      break;
    case 'leaves early':
      sent.end(body, leave);
      break;
    case 'leaves at rest':
      sent.end(body);
      await wait(30);
      leave();
      break;
    default:
      sent.end(body);
  }
}

async function readAnswer(plan: Plan, answer: IncomingMessage): Promise<Outcome> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      if (plan.manner === 'reads slowly') await wait(5);
    }
  } catch {
    return { kind: 'broken' };
  }
  // A stream that was destroyed before it was read just ends.
  return answer.complete ? judge(plan, answer, Buffer.concat(chunks)) : { kind: 'broken' };
}

/** Says whose answer it is, if it is one of the two that there may be. */
function judge(plan: Plan, { statusCode: status = 0, headers }: IncomingMessage, body: Buffer): Outcome {
  const wrong = (why: string): Outcome => ({ kind: 'wrong', status, why });
  if (headers['content-type'] === 'application/problem+json') {
    if (Number(headers['content-length']) !== body.length) return wrong(`a problem of ${body.length} bytes: ${body}`);
    const problem = JSON.parse(body.toString()) as Record<string, unknown>;
    if (headers['proxy-status']?.includes('maas-auth-proxy; error=') !== true) return wrong('no Proxy-Status');
    if (problem['status'] !== status || problem['requestId'] !== plan.id) return wrong(`another's problem: ${body}`);
    return { kind: 'problem', status, code: String(problem['code']) };
  }
  if (headers['via'] !== '1.1 maas-auth-proxy') return wrong('neither problem nor forwarded');
  if (headers['x-soak-id'] !== plan.id || !body.equals(responseBody(plan.id, plan.size)))
    return wrong("another's answer");
  return { kind: 'maas', status };
}

/** Holds an outcome against what MAAS did. @returns what does not fit */
function explain({ id, method }: Plan, outcome: Outcome, arrivals: readonly Arrival[]): string[] {
  const last = arrivals.at(-1);
  const say = (why: string): string[] => [
    `${method} ${id}: ${why}; at MAAS: ${JSON.stringify(arrivals.map(({ behaviour, responded }) => [behaviour, responded]))}`,
  ];
  switch (outcome.kind) {
    case 'wrong':
      return say(`${outcome.status} ${outcome.why}`);
    case 'maas':
      return last?.responded === outcome.status ? [] : say(`${outcome.status} that MAAS did not send`);
    case 'problem':
      if (outcome.code !== 'maas-reset') return say(`problem ${outcome.code}`);
      if (last?.responded === undefined) return [];
      // A 503 is sent again, and the third attempt's connection may break before MAAS has seen it.
      if (method === 'GET' && last.behaviour === 'busy' && arrivals.length < 3) return [];
      return say(`MAAS's response ${last.responded} was lost`);
    case 'broken':
      return last?.behaviour === 'cut-body' || last?.behaviour === 'reset-body' ? [] : say('broken');
    case 'left':
      return [];
  }
}

/** The requests whose lines in the log are missing, more than one, or tell another status than the client saw. */
function notLogged(output: string, outcomes: ReadonlyMap<string, Outcome>): unknown[] {
  const statuses = new Map<string, number[]>();
  for (const line of output.split('\n')) {
    if (!line.endsWith('}') || !line.includes('"requestId":"soak-')) continue;
    const { requestId, status } = JSON.parse(line) as { requestId: string; status: number };
    statuses.set(requestId, [...(statuses.get(requestId) ?? []), status]);
  }
  return [...outcomes].flatMap(([id, outcome]) => {
    const logged = statuses.get(id) ?? [];
    // It may have left before its head had come.
    if (outcome.kind === 'left' && logged.length === 0) return [];
    const expected = outcome.kind === 'broken' ? [502] : outcome.kind === 'left' ? [...logged] : [outcome.status];
    return logged.length === 1 && expected.includes(logged[0] as number) ? [] : [{ id, outcome, logged }];
  });
}

function byId(arrivals: readonly Arrival[]): Map<string, Arrival[]> {
  const sorted = new Map<string, Arrival[]>();
  for (const arrival of arrivals) {
    const others = sorted.get(arrival.id);
    if (others === undefined) sorted.set(arrival.id, [arrival]);
    else others.push(arrival);
  }
  return sorted;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const hasProc = process.platform === 'linux';

/** How much memory a process holds when all garbage is gone, MB. */
async function heldMemory(running: Running): Promise<number> {
  const told = (): RegExpMatchArray[] => [...running.output().matchAll(/^held: (\S+)$/gm)];
  const before = told().length;
  running.child.kill('SIGUSR2');
  await eventually(
    () => told().length > before,
    () => 'the program does not tell what it holds',
  );
  return Number(told().at(-1)?.[1]);
}

/** How much memory a process has, MB; 0 where that cannot be told. */
function memory({ child }: Running): number {
  if (!hasProc) return 0;
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1000);
}

/** How many files and sockets a process has open; 0 where that cannot be told. */
function openFiles({ child }: Running): number {
  return hasProc ? readdirSync(`/proc/${child.pid}/fd`).length : 0;
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

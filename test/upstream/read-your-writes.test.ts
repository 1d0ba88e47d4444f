import assert from 'node:assert/strict';
import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { buildApp } from '../../src/app.ts';
import { createNonces } from '../../src/clients/nonces.ts';
import { createLocalLimiter } from '../../src/limits/local-limiter.ts';
import { ApiKey } from '../../src/maas/api-key.ts';
import { parseMaasAddress } from '../../src/maas/maas-address.ts';
import { createSigner } from '../../src/maas/signature.ts';
import { presetPolicy } from '../../src/policy/policy.ts';
import { createWriteEpoch, type WriteEpoch } from '../../src/upstream/reuse/write-epoch.ts';
import { memoryBounds } from '../../src/config/memory-budget.ts';
import { createCache } from '../../src/upstream/reuse/cache.ts';
import { reuse } from '../../src/upstream/reuse/reuse.ts';
import { createUpstream } from '../../src/upstream/upstream.ts';
import { createDice } from '../support/dice.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey } from '../support/proxy.ts';

/** What a run found. */
interface Findings {
  readonly operations: number;
  /** Reads that showed MAAS as it was before a write whose answer somebody had seen. */
  readonly stale: number;
  /** Reads that showed what MAAS had not yet done when they were answered. */
  readonly invented: number;
  readonly collapsed: number;
  readonly hits: number;
}

const addresses = ['/zones/a/', '/zones/b/', '/zones/c/'];
const clientCount = 32;
const standard = presetPolicy('standard');

/**
 * Clients read and write at random, through a proxy that joins reads and remembers answers. MAAS counts the writes to each
 * address, and at some moment between question and answer carries a write out, or looks. The model is one number for each
 * address: the highest count that anybody has been told by an answer to a write. No read that begins then may show less.
 *
 * @param lines by which the proxy keeps reads apart
 * @param enough after how many stale reads to end
 */
async function play(
  t: TestContext,
  lines: WriteEpoch,
  operations: number,
  seed: number,
  enough = Infinity,
): Promise<Findings> {
  const dice = createDice(seed);
  const carriedOut = new Map(addresses.map((address) => [address, 0]));
  const maas = await startOrigin(t, (asked, response) => void answer(asked, response));
  async function answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = url.replace('/MAAS/api/2.0', '');
    await pause(dice);
    const count = (carriedOut.get(address) ?? 0) + (method === 'GET' ? 0 : 1);
    carriedOut.set(address, count);
    await pause(dice);
    if (method === 'GET' && dice() < 0.3) await wait(15);
    response.writeHead(200, { 'X-Count': count }).write('begun');
    if (method !== 'GET') await pause(dice);
    response.end();
  }

  const url = await startProxyWith(t, maas.url, lines);
  const told = new Map(addresses.map((address) => [address, 0]));
  const findings = { operations: 0, stale: 0, invented: 0, collapsed: 0, hits: 0 };
  const agent = new Agent({ keepAlive: true, maxSockets: clientCount });
  t.after(() => agent.destroy());

  async function operate(): Promise<void> {
    findings.operations += 1;
    const address = addresses[Math.floor(dice() * addresses.length)] as string;
    // There are times of many writes, and others in which memory has a chance.
    const method = dice() < (findings.operations % 1_000 < 500 ? 0.1 : 0.01) ? 'POST' : 'GET';
    // Some clients leave before the answer.
    const patience = dice() < 0.03 ? dice() * 6 : Infinity;
    const atLeast = told.get(address) as number;
    const reply = await ask(agent, url + address, method, patience, (count) => {
      if (method === 'POST') told.set(address, Math.max(told.get(address) as number, count));
    });
    if (reply === undefined || method === 'POST') return;
    if (reply.count < atLeast) findings.stale += 1;
    if (reply.count > (carriedOut.get(address) as number)) findings.invented += 1;
    if (reply.cacheStatus.includes('collapsed')) findings.collapsed += 1;
    if (reply.cacheStatus.includes('hit')) findings.hits += 1;
  }
  await Promise.all(
    Array.from({ length: clientCount }, async () => {
      while (findings.operations < operations && findings.stale < enough) await operate();
    }),
  );
  return findings;
}

/** Nothing, a turn of the event loop, or up to 3 ms. */
async function pause(dice: () => number): Promise<void> {
  const roll = dice();
  if (roll > 0.3) await wait(roll > 0.6 ? (roll - 0.6) * 7.5 : 0);
}

async function startProxyWith(t: TestContext, maasUrl: string, lines: WriteEpoch): Promise<string> {
  const maas = parseMaasAddress(maasUrl);
  const signer = createSigner(ApiKey.parse(canaryKey));
  const upstream = createUpstream({ regions: [maas], signer: () => signer, timeout: 60, maxUpstream: 64 });
  const link = reuse({
    epoch: lines,
    sharedSigner: () => signer,
    collapses: true,
    cache: createCache(20, 100_000),
    maxHeld: 1_000_000,
  });
  const app = buildApp({
    pseudonym: upstream.pseudonym,
    regions: [maas],
    dispatch: link(upstream.dispatch),
    jsonToForm: true,
    compress: true,
    host: '127.0.0.1',
    allowedHosts: [],
    policy: () => standard,
    registry: undefined,
    anonymous: true,
    nonces: createNonces(),
    limits: { all: { perMinute: 0, atOnce: 0 }, each: { perMinute: 0, atOnce: 0 } },
    limiter: createLocalLimiter(),
    memory: memoryBounds(268_435_456, { tls: false, caches: true }),
    log: pino({ level: 'silent' }),
    entrySinks: [],
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => {
    app.server.closeAllConnections();
    await Promise.all([app.close(), upstream.close()]);
  });
  return url;
}

/**
 * @param patience ms after which the client leaves
 * @param onHead called with the count as soon as the answer has begun: that is enough to know
 */
function ask(
  agent: Agent,
  url: string,
  method: string,
  patience: number,
  onHead: (count: number) => void,
): Promise<{ readonly count: number; readonly cacheStatus: string } | undefined> {
  return new Promise((resolve) => {
    const sent = request(url, { method, agent }, (response) => {
      const count = Number(response.headers['x-count']);
      onHead(count);
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve({ count, cacheStatus: String(response.headers['cache-status'] ?? '') }));
      response.resume();
    });
    sent.on('error', () => resolve(undefined));
    sent.end();
    if (patience < Infinity) setTimeout(() => sent.destroy(), patience);
  });
}

test('32 clients that read and write at random never see less than what somebody was told has been written', async (t) => {
  // For MAAS's 900 s, within which it may carry out a write that broke off, 15 ms: memory would be off all the time.
  const findings = await play(
    t,
    createWriteEpoch(() => performance.now() * 60_000),
    10_000,
    1,
  );
  t.diagnostic(JSON.stringify(findings));
  assert.ok(findings.operations >= 10_000);
  assert.equal(findings.stale, 0);
  assert.equal(findings.invented, 0);
  // Else there was nothing to be seen.
  assert.ok(findings.collapsed > 100, `${findings.collapsed} joined`);
  assert.ok(findings.hits > 10, `${findings.hits} from memory`);
});

for (const [what, broken] of [
  ['no line at all', { begin: false, answer: false, end: false }],
  ['no line when a write is answered', { begin: true, answer: false, end: false }],
] as const) {
  test(`the same play finds reads that are stale where a fault is planted: ${what}`, async (t) => {
    const findings = await play(t, withFault(broken), 30_000, 2, 1);
    t.diagnostic(JSON.stringify(findings));
    assert.ok(findings.stale > 0);
  });
}

/** Lines of which some are not drawn. */
function withFault(drawn: { begin: boolean; answer: boolean; end: boolean }): WriteEpoch {
  let count = 0;
  return {
    get current() {
      return count;
    },
    hasNoWritesInFlight: true,
    onWriteStart() {
      count += drawn.begin ? 1 : 0;
    },
    onWriteResponse() {
      count += drawn.answer ? 1 : 0;
    },
    onWriteEnd() {
      count += drawn.end ? 1 : 0;
    },
  };
}

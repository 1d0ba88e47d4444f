// npm run soak -- --minutes 30: a gateway in a memory cgroup of the size that we ship, 20 honest clients, and beside them attackers
// that are slow, tiny, many and large at once. Tells what the honest ones saw with and without the attackers, and how the
// memory went; exits with 1 where an honest request failed, or waited more than a second longer than without.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeKey } from '../../src/clients/new-key.ts';
import { DEMO_ADMIN_KEY } from '../../src/simulator/accounts.ts';
import { beHonest, type Sample } from './honest.ts';
import { createMemoryCgroup } from './memory-cgroup.ts';

const MIB = 2 ** 20;
/** What deploy/ gives a gateway. */
const memoryLimit = 512 * MIB;
const honestCount = 20;
const thinkMs = 250;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    /** The beginning of the names of the attacks that are to be carried out; all by default. */
    only: { type: 'string', default: '' },
  },
});
const attackMs = Number(values.minutes) * 60_000;
const calmMs = Math.min(60_000, attackMs / 2);

const directory = mkdtempSync(join(tmpdir(), 'maas-auth-proxy-soak-'));
const honest = Array.from({ length: honestCount }, (_, index) => makeKey({ name: `honest-${index}` }));
const mallory = makeKey({ name: 'mallory' });
const clientsFile = join(directory, 'clients.json');
writeFileSync(clientsFile, JSON.stringify({ clients: [...honest, mallory].map(({ client }) => client) }), {
  mode: 0o600,
});

const cgroup = createMemoryCgroup(`maas-auth-proxy-soak-${process.pid}`, memoryLimit);
if (typeof cgroup === 'string') say(`Without a memory limit: ${cgroup}.`);

const maas = fork(fileURLToPath(new URL('./maas.js', import.meta.url)));
const [maasPort] = (await once(maas, 'message')) as [number];
const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const proxy = spawn(
  'sh',
  [
    '-c',
    typeof cgroup === 'string' ? 'exec "$@"' : cgroup.enter,
    'sh',
    process.execPath,
    '--v8-pool-size=1',
    cli,
    '--port',
    '0',
    '--admin-port',
    '0',
  ],
  {
    cwd: directory,
    env: {
      PATH: process.env['PATH'] ?? '',
      MAAS_URL: `http://127.0.0.1:${maasPort}`,
      MAAS_API_KEY: DEMO_ADMIN_KEY,
      CLIENTS_FILE: clientsFile,
      MAX_MEMORY: String(memoryLimit / 2),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
const proxyEnded = once(proxy, 'close');
let port = 0;
let isReady = false;
await new Promise<void>((resolve) => {
  let text = '';
  proxy.stdout.setEncoding('utf8').on('data', (piece: string) => {
    if (isReady) return;
    text += piece;
    port = Number(/"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(text)?.[1] ?? 0);
    if (port === 0) return;
    isReady = true;
    resolve();
  });
});

const memory: number[] = [];
const sampler = setInterval(() => {
  if (typeof cgroup !== 'string') memory.push(cgroup.usage());
}, 5_000);

async function phase(ms: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const end = performance.now() + ms;
  const isOver = (): boolean => performance.now() >= end || proxy.exitCode !== null || proxy.signalCode !== null;
  await Promise.all(honest.map(({ key }) => beHonest(port, key, thinkMs, isOver, (sample) => samples.push(sample))));
  return samples;
}

function summary(samples: readonly Sample[]): Record<string, unknown> {
  const times = samples.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(times[Math.floor(times.length * share)] ?? Number.NaN);
  const failures: Record<string, number> = {};
  for (const { outcome, what } of samples) {
    if (outcome !== 200) failures[`${what}: ${outcome}`] = (failures[`${what}: ${outcome}`] ?? 0) + 1;
  }
  return {
    requests: samples.length,
    p50: at(0.5),
    p99: at(0.99),
    max: Math.round(times.at(-1) ?? Number.NaN),
    failures,
  };
}

const calm = await phase(calmMs);
say('without attackers', JSON.stringify(summary(calm)));
const attackers = fork(fileURLToPath(new URL('./attackers.js', import.meta.url)), [
  String(port),
  mallory.key,
  values.only,
]);
const attacked = await phase(attackMs);
attackers.send('counts');
const [counts] = (await once(attackers, 'message')) as [Record<string, number>];
attackers.disconnect();
say('with attackers', JSON.stringify(summary(attacked)));
say('attacks', JSON.stringify(counts));
const half = memory.slice(Math.floor(memory.length / 2));
say(
  'memory of the cgroup, MiB',
  JSON.stringify({
    peak: Math.round(Math.max(...memory) / MIB),
    firstHalf: Math.round(mean(memory.slice(0, Math.floor(memory.length / 2))) / MIB),
    secondHalf: Math.round(mean(half) / MIB),
    kills: typeof cgroup === 'string' ? 'no cgroup' : cgroup.kills(),
  }),
);
clearInterval(sampler);
maas.disconnect();
proxy.kill('SIGTERM');
const [code] = (await proxyEnded) as [number | null];
if (typeof cgroup !== 'string') cgroup.remove();
rmSync(directory, { recursive: true });

const slowest = (samples: readonly Sample[]): number => Math.max(...samples.map(({ ms }) => ms));
const failed = [...calm, ...attacked].filter(({ outcome }) => outcome !== 200).length;
const isGood = failed === 0 && code === 0 && slowest(attacked) <= slowest(calm) + 1_000;
say(isGood ? 'good' : `not good: ${failed} failed, exit code ${code}`);
process.exit(isGood ? 0 : 1);

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

function say(...parts: readonly string[]): void {
  process.stdout.write(`${parts.join(' ')}\n`);
}

import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inRounds, withRunners, type Rounds, type Runner } from './field.ts';
import { load } from './load.ts';
import { measureCost, type Cost } from './measures/cost.ts';
import { measureCrowd, type Crowd } from './measures/crowd.ts';
import { measureIdle } from './measures/idle.ts';
import { measureStart, type Start } from './measures/start.ts';
import { measureTransfer, type Transfer } from './measures/transfer.ts';
import { responsePath, startOrigin } from './origin.ts';
import type { Plan } from './plan.ts';
import { memoryOf } from './processes.ts';
import { apiRoot, type Lane } from './programs/lane.ts';
import { startSimulatorProcess } from './simulator-process.ts';

/** Which programs take part in which measurement. */
export interface Field {
  readonly loaded: readonly Lane[];
  /** Measured with large transfers, memory and starts. */
  readonly compared: readonly Lane[];
  readonly crowded: readonly Lane[];
}

/** All results. */
export interface Findings {
  readonly plan: Plan;
  readonly costs: readonly { readonly of: Plan['loads'][number]; readonly rounds: Rounds<Cost> }[];
  readonly starts: Rounds<Start>;
  /** Right after load from 256 connections, bytes. */
  readonly loadedMemory: ReadonlyMap<string, number>;
  readonly idleMemory: Rounds<number>;
  readonly downloads: Rounds<Transfer>;
  readonly uploads: Rounds<Transfer>;
  readonly crowds: readonly { readonly clients: number; readonly found: ReadonlyMap<string, Crowd> }[];
}

/** Measures everything. @param say receives a line about each measurement */
export async function run(field: Field, plan: Plan, say: (line: string) => void): Promise<Findings> {
  const origin = await startOrigin(plan.download);
  try {
    const starts = await measureStarts(field.compared, plan, origin.port, say);
    const loaded = await withRunners(field.loaded, origin.port, async (runners) => {
      const direct: Runner = { name: 'direct', running: { ...origin, pid: -1, headers: [], startedAt: 0 } };
      say('warming up');
      for (const runner of runners) await warmUp(runner, plan.warmUp);
      const costs = [];
      let loadedMemory = new Map<string, number>();
      for (const of of plan.loads) {
        say(`${of.response} responses, ${of.connections} connections`);
        costs.push({ of, rounds: await measureCost([direct, ...runners], responsePath(of.response), of) });
        if (of.connections === 256 || loadedMemory.size === 0)
          loadedMemory = new Map(runners.map(({ name, running }) => [name, memoryOf(running.pid)]));
      }
      return { costs, loadedMemory };
    });
    say('downloads, and idle connections');
    const { downloads, idleMemory } = await withRunners(field.compared, origin.port, async (runners) => ({
      idleMemory: await measureIdle(runners, plan.idleConnections),
      downloads: await measureTransfer(runners, responsePath('download'), plan.transferRounds),
    }));
    return { plan, starts, ...loaded, downloads, idleMemory, ...(await onSimulator(field, plan, say)) };
  } finally {
    await origin.stop();
  }
}

/** Loads a program until V8 has compiled its hot code. @param limit the longest time, s */
async function warmUp({ running: { port, headers } }: Runner, limit: number): Promise<void> {
  let requests = 0;
  for (let seconds = 0; seconds < limit && requests < warmAfter; seconds += 1)
    requests += (await load(port, responsePath('usual'), { connections: 32, seconds: 1, headers })).requests;
}

/** After this many requests V8 compiles nothing more. */
const warmAfter = 50_000;

async function measureStarts(
  lanes: readonly Lane[],
  { startRounds, calm }: Plan,
  originPort: number,
  say: (line: string) => void,
): Promise<Rounds<Start>> {
  say('starts');
  const found = new Map<string, Start[]>(lanes.map(({ name }) => [name, []]));
  for (let round = 0; round < startRounds; round += 1)
    for (const lane of lanes)
      found.get(lane.name)?.push(await measureStart(lane, originPort, responsePath('usual'), calm));
  return found;
}

/** The measurements that need a MAAS that reads uploads, or takes time to respond. */
async function onSimulator(
  field: Field,
  plan: Plan,
  say: (line: string) => void,
): Promise<Pick<Findings, 'uploads' | 'crowds'>> {
  const maas = await startSimulatorProcess(plan.machinesTake);
  const files = mkdtempSync(join(tmpdir(), 'bench-upload-'));
  try {
    say('uploads');
    const file = join(files, 'upload');
    const descriptor = openSync(file, 'w');
    ftruncateSync(descriptor, plan.upload);
    closeSync(descriptor);
    const uploads = await withRunners(field.compared, maas.port, (runners) =>
      measureTransfer(runners, `${apiRoot}/files/sim-upload/`, plan.transferRounds, ['--upload-file', file]),
    );
    const crowds = await withRunners(field.crowded, maas.port, async (runners) => {
      const all = [];
      for (const clients of plan.crowds) {
        say(`${clients} concurrent requests for machines/`);
        const rounds = await inRounds(runners, 1, (runner) => measureCrowd(runner, maas, clients));
        all.push({ clients, found: new Map([...rounds].map(([name, [crowd]]) => [name, crowd as Crowd])) });
      }
      return all;
    });
    return { uploads, crowds };
  } finally {
    rmSync(files, { recursive: true, force: true });
    await maas.stop();
  }
}

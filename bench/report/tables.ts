import type { Rounds } from '../field.ts';
import type { Crowd } from '../measures/crowd.ts';
import type { Findings } from '../run.ts';
import { ratios, spreadOf, type Spread } from '../spread.ts';

const megabyte = 1e6;
const base = 'bare floor';

/** The findings as Markdown tables; the same text is printed. */
export function tables(findings: Findings): string {
  const { plan, costs, starts, loadedMemory, idleMemory, downloads, uploads } = findings;
  return [
    costTable(costs),
    latencyTable(costs),
    section(
      `Large transfers: ${size(plan.download)} down, ${size(plan.upload)} up`,
      'CPU of the whole transfer as a multiple of nginx’s, and the peak of memory during it.',
      ['', 'down', 'memory', 'up', 'memory'],
      [...downloads].map(([name, rounds]) => [
        name,
        ratioCell(pick(downloads, name, 'cpu'), pick(downloads, 'nginx', 'cpu')),
        megabytes(Math.max(...rounds.map(({ memory }) => memory))),
        ratioCell(pick(uploads, name, 'cpu'), pick(uploads, 'nginx', 'cpu')),
        megabytes(Math.max(...pick(uploads, name, 'memory'))),
      ]),
    ),
    section(
      'Start and memory',
      `Time from the start of the process to its first response; memory (RSS of all processes) at rest, right after load, and with ${plan.idleConnections} idle connections.`,
      ['', 'first response, ms', 'at rest', 'after load', 'idle connections'],
      [...starts].map(([name, rounds]) => [
        name,
        cell(spreadOf(rounds.map(({ ms }) => ms)), 0),
        megabytes(spreadOf(rounds.map(({ memory }) => memory)).median),
        megabytes(loadedMemory.get(name)),
        megabytes(idleMemory.get(name)?.[0]),
      ]),
    ),
    crowdTable(findings),
  ].join('\n\n');
}

function costTable(costs: Findings['costs']): string {
  return section(
    'CPU per signed request',
    'As a multiple of the bare floor’s CPU in the same round: median (least–most). The bare floor is a proxy written directly on `node:http` and undici, which signs and does nothing else.',
    ['', ...costs.map(({ of }) => `${responseSizes[of.response]}, ${of.connections} conn.`)],
    names(costs).map((name) =>
      [name].concat(costs.map(({ rounds }) => ratioCell(pick(rounds, name, 'cpu'), pick(rounds, base, 'cpu')))),
    ),
  );
}

function latencyTable(costs: Findings['costs']): string {
  const usual = costs.filter(({ of }) => of.response === 'usual');
  return section(
    'Latency added over direct',
    'p50 / p99 in ms above the origin’s own latency in the same round, medians. With many connections most of it is waiting for the CPU.',
    ['', ...usual.map(({ of }) => `${of.connections} conn.`)],
    names(usual).map((name) =>
      [name].concat(usual.map(({ rounds }) => `${added(rounds, name, 'p50')} / ${added(rounds, name, 'p99')}`)),
    ),
  );
}

function crowdTable({ plan, crowds }: Findings): string {
  const [alone] = crowds;
  return section(
    'Many concurrent requests for the list of machines',
    `A MAAS with 16 slots that works ${plan.machinesTake / 1000} s on each request; the response has 0.87 MB. Time until the last client has its response, as a multiple of one client alone; in brackets, the peak of requests in flight to MAAS.`,
    ['', ...crowds.map(({ clients }) => `${clients}`)],
    [...(alone?.found.keys() ?? [])].map((name) => [name].concat(crowds.map(({ found }) => crowdCell(found, name)))),
  );

  function crowdCell(found: ReadonlyMap<string, Crowd>, name: string): string {
    const crowd = found.get(name);
    if (crowd === undefined) return '–';
    return `${(crowd.ms / (alone?.found.get(name)?.ms ?? Number.NaN)).toFixed(2)} (${crowd.atMaas})`;
  }
}

const responseSizes = { small: '0.2 KB', usual: '2 KB', large: '870 KB' } as const;

/** Every program; `direct` is none. */
function names(costs: Findings['costs']): string[] {
  return [...(costs[0]?.rounds.keys() ?? [])].filter((name) => name !== 'direct');
}

function pick<Key extends string>(rounds: Rounds<Readonly<Record<Key, number>>>, name: string, key: Key): number[] {
  return (rounds.get(name) ?? []).map((found) => found[key]);
}

function added(rounds: Findings['costs'][number]['rounds'], name: string, which: 'p50' | 'p99'): string {
  const direct = pick(rounds, 'direct', which);
  const differences = pick(rounds, name, which).map((value, round) => (value - (direct[round] ?? Number.NaN)) / 1000);
  return spreadOf(differences).median.toFixed(2);
}

function ratioCell(values: readonly number[], of: readonly number[]): string {
  return cell(spreadOf(ratios(values, of)), 2);
}

function cell({ median, least, most }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** @param bytes `undefined` if it was not measured */
function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '–' : `${Math.round(bytes / megabyte)} MB`;
}

function size(bytes: number): string {
  return bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / 2 ** 20} MiB`;
}

function section(
  title: string,
  introduction: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0), 3));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const all = [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
  return `### ${title}\n\n${introduction}\n\n${all.join('\n')}`;
}

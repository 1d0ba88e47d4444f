// `npm run bench`: compares this program with its peers, and writes docs/performance.md and docs/performance.svg.
// `--quick` is for the gate: it takes a minute, only prints, and fails on no number.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { hasWrk } from './load.ts';
import { full, quick } from './plan.ts';
import type { Lane } from './programs/lane.ts';
import { ours, oursBare, oursGateway, oursImage, oursUncollapsed, oursUnguarded } from './programs/ours.ts';
import { caddy, haproxy, nginx } from './programs/peers.ts';
import { floor, httpProxy } from './programs/plain.ts';
import { intoPage } from './report/page.ts';
import { plot } from './report/plot.ts';
import { tables } from './report/tables.ts';
import { run } from './run.ts';

const isQuick = process.argv.includes('--quick');
const versions = new Map<string, string>();

if (!(await hasWrk())) {
  say('The bench is skipped: it needs wrk (Debian package wrk).');
} else if (!(await isThere(nginx))) {
  say('The bench is skipped: it needs nginx as the origin (Debian package nginx-light).');
} else {
  const peers = [];
  for (const peer of [nginx, haproxy, caddy]) if (await isThere(peer)) peers.push(peer);
  const field = {
    loaded: [floor, ours, oursBare, oursGateway, httpProxy, ...peers].concat(isQuick ? [] : [oursUnguarded]),
    compared: [floor, ours, oursImage, httpProxy, ...peers],
    crowded: [ours, oursUncollapsed, httpProxy, ...peers],
  };
  const findings = await run(field, isQuick ? quick : full, say);
  const text = tables(findings);
  say(`\n${text}`);
  if (isQuick) say('docs/performance.md stays as it is: a quick run is too short for it.');
  else if (peers.length < 3) say('docs/performance.md stays as it is: that needs all of the programs.');
  else write(`${introduction()}\n\n${text}`, plot(findings));
}

async function isThere(lane: Lane): Promise<boolean> {
  const version = await lane.version();
  if (version === undefined) say(`skipped: no ${lane.name}`);
  else versions.set(lane.name, version);
  return version !== undefined;
}

function introduction(): string {
  const peers = [...versions].map(([name, version]) => `${name} ${version}`).join(', ');
  const day = new Date().toISOString().slice(0, 10);
  return `Measured on ${day} in one run, on a machine of ${availableParallelism()} cores: Node ${process.versions.node}, ${peers}.`;
}

function write(text: string, picture: string): void {
  const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
  writeFileSync(page, intoPage(readFileSync(page, 'utf8'), text));
  writeFileSync(page.replace(/md$/, 'svg'), picture);
  say('docs/performance.md and docs/performance.svg are rewritten.');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

// `npm run conformance`: the corpus on this program and its peers, as a table, and as docs/conformance.md where all are
// there. With ids of cases as arguments it shows those exchanges byte by byte instead.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Case } from './case.ts';
import { corpus } from './corpus.ts';
import { deviations } from './deviations.ts';
import type { Verdict } from './judge.ts';
import { openLanes } from './lanes.ts';
import { page, textTable, type Column } from './report.ts';
import { caddy } from './targets/caddy.ts';
import { haproxy } from './targets/haproxy.ts';
import { nginx } from './targets/nginx.ts';
import { ours } from './targets/ours.ts';
import type { Program } from './targets/target.ts';
import { transcript } from './transcript.ts';

const programs: readonly Program[] = [ours, nginx, haproxy, caddy];
const lanes = 8;

const wanted = process.argv.slice(2);
const cases = wanted.length === 0 ? corpus : corpus.filter(({ id }) => wanted.includes(id));
const columns: Column[] = [];
for (const program of programs) {
  const version = await program.version();
  if (version === undefined) say(`skipped: no ${program.name}`);
  else columns.push({ name: program.name, version, verdicts: await runAll(program, cases) });
}

if (wanted.length > 0) {
  for (const { name, verdicts } of columns) {
    for (const each of cases) {
      const verdict = verdicts.get(each.id);
      if (verdict !== undefined)
        say(`${name}: ${verdict.passed ? 'passed' : 'FAILED'}\n${transcript(each, verdict)}\n`);
    }
  }
} else {
  say(textTable(columns, cases));
  if (columns.length === programs.length) {
    const file = fileURLToPath(new URL('../../../docs/conformance.md', import.meta.url));
    mkdirSync(new URL('.', `file://${file}`), { recursive: true });
    writeFileSync(file, page(columns, new Date().toISOString().slice(0, 10)));
    say('docs/conformance.md is written anew.');
  } else {
    say('docs/conformance.md stays as it is: it wants all of the programs.');
  }
}

const [own] = columns;
if (own !== undefined) {
  const lost = cases.filter(({ id }) => own.verdicts.get(id)?.passed === false && !deviations.has(id));
  if (lost.length > 0) process.exitCode = 1;
}

async function runAll(program: Program, all: readonly Case[]): Promise<Map<string, Verdict>> {
  const asked = all.filter(({ level }) => program === ours || level !== 'OURS');
  const opened = await openLanes(program, Math.min(lanes, asked.length));
  try {
    return new Map(await Promise.all(asked.map(async (each) => [each.id, await opened.run(each)] as const)));
  } finally {
    await opened.stop();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

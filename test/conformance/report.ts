import type { Case, Level } from './case.ts';
import { deviations } from './deviations.ts';
import { themes } from './corpus.ts';
import type { Verdict } from './judge.ts';

/** What a program made of the corpus. */
export interface Column {
  readonly name: string;
  readonly version: string;
  /** By the ids of the cases; those that the program was not asked are left out. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** The levels in the order in which they are shown. */
const levels: readonly Level[] = ['MUST', 'SHOULD', 'MAY', 'OURS'];

/** The cases of a level that a program has failed. */
function failures({ verdicts }: Column, cases: readonly Case[], level: Level): readonly Case[] {
  return cases.filter(({ id, level: own }) => own === level && verdicts.get(id)?.passed === false);
}

/** The result for a terminal: a line for each case, then the totals. */
export function textTable(columns: readonly Column[], cases: readonly Case[]): string {
  const names = columns.map(({ name }) => name);
  const rows = cases.map(({ id, level }) => [id, level, ...columns.map(({ verdicts }) => cell(verdicts.get(id)))]);
  return `${aligned([['', '', ...names], ...rows])}\n${aligned([['passed', ...names], ...totals(columns, cases)])}`;
}

/** The result as a page of documentation. */
export function page(columns: readonly Column[], day: string): string {
  const cases = themes.flatMap((theme) => theme.cases);
  const names = columns.map(({ name }) => name);
  const lost = (column: Column): string =>
    (['MUST', 'SHOULD'] as const)
      .map((level) => failures(column, cases, level).map(({ id }) => `\`${id}\``))
      .map((ids, index) => `${index === 0 ? 'MUST' : 'SHOULD'}: ${ids.length === 0 ? 'none' : ids.join(', ')}`)
      .join('. ');
  return [
    '# Conformance',
    introduction(columns, cases.length, day),
    '## Totals',
    markdown(['passed', ...names], totals(columns, cases)),
    '## Failed cases',
    ...columns.map((column) => `- **${column.name}** fails ${lost(column)}.`),
    ...[...deviations].map(([id, why]) => `\`${id}\` of maas-auth-proxy: ${why}`),
    '## All cases',
    "A cell says what happened. After **FAIL** is what was seen: the responses, the state of the client's connection, and how many complete requests reached MAAS's side.",
    ...themes.flatMap((theme) => [
      `### ${theme.name}`,
      markdown(
        ['case', 'rule', ...names],
        theme.cases.map(({ id, title, section, level, note }) => [
          `\`${id}\`<br>${escaped(title)}${note === undefined ? '' : ` (${escaped(note)})`}`,
          `${section}, ${level}`,
          ...columns.map(({ verdicts }) => escaped(cell(verdicts.get(id))).replace(/^FAIL/, '**FAIL**')),
        ]),
      ),
    ]),
    '',
  ].join('\n\n');
}

function introduction(columns: readonly Column[], count: number, day: string): string {
  const programs = columns.map(({ name, version }) => `${name} ${version}`).join(', ');
  return `${count} exchanges over raw sockets, with maas-auth-proxy and its peers between the same client and the same server in MAAS's place. Each
case says what the client must get **and what MAAS's side must receive**. Everything that reaches MAAS's side must also be well-formed, and have only
one framing (RFC 9110 §2.2, RFC 9112 §6). The cases are data, in \`test/conformance/cases/\`.

\`npm run conformance\` runs them, and writes this page if nginx, HAProxy and Caddy are installed (Debian packages \`nginx\`, \`haproxy\`,
\`caddy\`). \`npm run test:system\` runs them on maas-auth-proxy alone.

Measured on ${day}, in one run on one machine: ${programs}; Node ${process.versions.node}. Each ran as its own process, in front of its own server on
127.0.0.1. The peers are configured for the same job with their documented settings: a fixed \`Authorization\`, MAAS's own \`Host\`, cookies dropped, \`Via\`
added, connections to MAAS kept alive, header sections of 64 KiB accepted; see \`test/conformance/targets/\`.

MUST, SHOULD and MAY are the RFC's words for the rule that a case is about; where the RFC allows several outcomes, all of them pass. Rules that
RFC 9110 states for a "proxy" only count as SHOULD, because all four are gateways (RFC 9110 §3.7). OURS are promises of maas-auth-proxy beyond
HTTP; the peers are not tested on them.`;
}

function totals(columns: readonly Column[], cases: readonly Case[]): string[][] {
  return levels.map((level) => {
    const ids = cases.filter((each) => each.level === level).map(({ id }) => id);
    const cells = columns.map(({ verdicts }) => {
      const asked = ids.filter((id) => verdicts.has(id));
      if (asked.length === 0) return '–';
      return `${asked.filter((id) => verdicts.get(id)?.passed === true).length} of ${asked.length}`;
    });
    cells.unshift(level);
    return cells;
  });
}

function cell(verdict: Verdict | undefined): string {
  if (verdict === undefined) return '–';
  return verdict.passed ? verdict.outcome : `FAIL: ${verdict.outcome}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]): string => row.map((text, index) => text.padEnd(widths[index] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, head.map(() => '---'), ...rows];
  return all.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** For a cell of a table: no markup of its own. */
function escaped(text: string): string {
  return text.replaceAll(/[|*_<>`\\]/g, (character) => `\\${character}`);
}

// The tables of docs/ that the program itself declares: settings and problems, each between two marks of its page.
import { settings, type Setting } from '../../src/config/settings.ts';
import { problemCodes, statusOf } from '../../src/problem.ts';
import { remedies } from './remedies.ts';

/** A table, and the page in which it stands between `<!-- NAME: … -->` and `<!-- end of NAME -->`. */
interface Table {
  readonly name: string;
  readonly page: string;
  readonly rows: () => readonly string[];
}

/** All generated tables. */
export const tables: readonly Table[] = [
  { name: 'settings', page: 'docs/settings.md', rows: settingRows },
  { name: 'problems', page: 'docs/problems.md', rows: problemRows },
];

/**
 * The page with its table as the program has it today.
 *
 * @throws Error where the page has lost its marks
 */
export function withTable(text: string, { name, page, rows }: Table): string {
  const marks = new RegExp(`(<!-- ${name}: .+ -->\\n)[^]*(\\n<!-- end of ${name} -->)`);
  if (!marks.test(text)) throw new Error(`${page} has lost the marks of the table "${name}"`);
  return text.replace(marks, (_, before: string, after: string) => `${before}\n${rows().join('\n')}\n${after}`);
}

function settingRows(): readonly string[] {
  return [
    '| flag | environment | default | what it does |',
    '|---|---|---|---|',
    ...Object.values(settings).map((setting) => settingRow(setting as Setting<unknown>)),
  ];
}

function settingRow({ flag, argument, env, negative, default: value, defaultText, help }: Setting<unknown>): string {
  const flagCell = flag === undefined ? '–' : `\`--${flag}${argument === undefined ? '' : ` ${argument}`}\``;
  const plain = value === undefined ? '–' : `\`${String(value)}\``;
  const what = negative === true ? `do not ${help}` : help;
  return `| ${flagCell} | ${env.map((name) => `\`${name}\``).join(', ')} | ${defaultText ?? plain} | ${linked(what)} |`;
}

function problemRows(): readonly string[] {
  return [
    '| `code` | status | what to do |',
    '|---|---|---|',
    ...problemCodes.map((code) => `| \`${code}\` | ${statusOf(code)} | ${linked(remedies[code])} |`),
  ];
}

/** Links and names of pages as they are from docs/. */
function linked(markdown: string): string {
  return markdown
    .replaceAll('](docs/', '](')
    .replaceAll(/(?<!\]\()\bdocs\/([\w-]+\.md)/g, (_, page: string) => `[${page}](${page})`);
}

import type { Findings } from '../run.ts';
import { ratios, spreadOf, type Spread } from '../spread.ts';

/** One bar: the median, and the line from the least to the most. */
interface Bar {
  readonly name: string;
  readonly spread: Spread;
}

const width = 860;
const labelWidth = 190;
const rowHeight = 26;
const chartWidth = width - labelWidth - 110;

/** The two most important findings, as an SVG picture. */
export function plot({ costs, crowds }: Findings): string {
  const cost = costs.find(({ of }) => of.response === 'usual' && of.connections === 32) ?? costs[0];
  const floor = cost?.rounds.get('bare floor')?.map(({ cpu }) => cpu) ?? [];
  const costBars = [...(cost?.rounds ?? [])]
    .filter(([name]) => name !== 'direct')
    .map(([name, rounds]): Bar => {
      const all = ratios(
        rounds.map(({ cpu }) => cpu),
        floor,
      );
      return { name, spread: spreadOf(all) };
    });
  const many = crowds.find(({ clients }) => clients === 50) ?? crowds.at(-1);
  const alone = crowds[0]?.found;
  const crowdBars = [...(many?.found ?? [])].map(([name, { ms }]): Bar => {
    const ratio = ms / (alone?.get(name)?.ms ?? Number.NaN);
    return { name, spread: { median: ratio, least: ratio, most: ratio } };
  });
  const first = chart(0, 'CPU per signed request, 2 KB responses, 32 connections (bare floor = 1)', costBars);
  const second = chart(
    first.height,
    `${many?.clients ?? 0} concurrent requests for machines/: time until the last response (one client alone = 1)`,
    crowdBars,
  );
  const height = first.height + second.height;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="13" role="img" aria-label="Speed of maas-auth-proxy beside its peers">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${first.text}
${second.text}
</svg>
`;
}

function chart(top: number, title: string, bars: readonly Bar[]): { text: string; height: number } {
  const scale = chartWidth / Math.max(...bars.map(({ spread }) => spread.most), 1);
  const lines = [`<text x="16" y="${top + 28}" font-weight="bold" fill="#222222">${title}</text>`];
  for (const [index, { name, spread }] of bars.entries()) {
    const { median, least, most } = spread;
    const y = top + 44 + index * rowHeight;
    const [end, from, to] = [median, least, most].map((value) => Math.round(labelWidth + value * scale));
    const middle = y + rowHeight / 2 - 3;
    lines.push(
      `<text x="${labelWidth - 10}" y="${y + 15}" text-anchor="end" fill="#222222">${name}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${(end ?? 0) - labelWidth}" height="${rowHeight - 6}" fill="${name.startsWith('ours') ? '#d9480f' : '#9aa5b1'}"/>`,
      `<path d="M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8" stroke="#222222" fill="none"/>`,
      `<text x="${(to ?? 0) + 8}" y="${y + 15}" fill="#222222">${median.toFixed(2)}</text>`,
    );
  }
  return { text: lines.join('\n'), height: 60 + bars.length * rowHeight };
}

/** One curve of a plot. */
export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

interface Props {
  readonly title: string;
  /** The unit: `ms`, `%`; empty for counts. */
  readonly unit: string;
  /** The times of the values, ms since 1970, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

const width = 600;
const height = 150;

/** The shortest time that a plot shows, ms: a page that was just opened has no curve yet. */
const leastSpan = 60_000;

/** A longer pause than this is a gap in the curve, ms. */
const gap = 5_000;

/** The last minutes as curves. The newest values stand beside the title, also for those who do not see the curves. */
export function Plot({ title, unit, times, series }: Props) {
  const end = times.at(-1) ?? 0;
  const span = Math.max(leastSpan, end - (times[0] ?? end));
  const most = roundUp(Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))));
  return (
    <figure class="plot">
      <figcaption>
        <h2>{title}</h2>
        <ul>
          {series.map(({ label, values }, index) => (
            <li key={label}>
              <i class={`swatch series-${index}`} aria-hidden="true" />
              {label} <strong>{say(values.at(-1) ?? null, unit)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="area" aria-hidden="true">
        <span class="most">{say(most, unit)}</span>
        <span class="least">0</span>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none">
          {[0, height / 2, height].map((y) => (
            <line key={y} class="grid" x1="0" x2={width} y1={y} y2={y} />
          ))}
          {series.map(({ label, values }, index) => (
            <path key={label} class={`series-${index}`} d={draw(times, values, { end, span, most })} />
          ))}
        </svg>
        <span class="from">{Math.round(span / 60_000)} min ago</span>
        <span class="to">now</span>
      </div>
    </figure>
  );
}

function draw(
  times: readonly number[],
  values: readonly (number | null)[],
  { end, span, most }: { readonly end: number; readonly span: number; readonly most: number },
): string {
  let path = '';
  let before: number | undefined;
  values.forEach((value, index) => {
    const time = times[index] ?? end;
    if (value === null) {
      before = undefined;
      return;
    }
    const x = width - ((end - time) / span) * width;
    const y = height - (value / most) * height;
    path += `${before === undefined || time - before > gap ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    before = time;
  });
  return path;
}

/** The next of 1, 2, 5, 10, 20 …, so that the scale stays while the curve moves. */
function roundUp(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * power >= value) ?? 10) * power;
}

function say(value: number | null, unit: string): string {
  if (value === null) return '–';
  const rounded = value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
  return unit === '' ? rounded.toLocaleString('en') : `${rounded.toLocaleString('en')} ${unit}`;
}

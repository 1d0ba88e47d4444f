import { useMemo, useState } from 'preact/hooks';

/** One row of a list of objects. */
type Row = Readonly<Record<string, unknown>>;

/** Columns that are shown first, if a list has them: they distinguish objects. */
const preferred = [
  'system_id',
  'id',
  'name',
  'hostname',
  'fqdn',
  'status_name',
  'power_state',
  'pool',
  'zone',
  'cidr',
  'description',
  'created',
  'type',
  'level',
];

const rowsAtOnce = 200;

/** The rows of a response that is a list of objects; otherwise `undefined`. */
export function rowsOf(value: unknown): readonly Row[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item))
    ? (value as Row[])
    : undefined;
}

/** A list of objects as a table: sortable, with a choice of columns. */
export function Table({ rows, filter }: { readonly rows: readonly Row[]; readonly filter: string }) {
  const all = useMemo(() => [...new Set(rows.flatMap((row) => Object.keys(row)))], [rows]);
  const [columns, setColumns] = useState(() => firstColumns(all));
  const [order, setOrder] = useState<{ column: string; isDown: boolean }>();
  const [limit, setLimit] = useState(rowsAtOnce);
  const wanted = filter.toLowerCase();
  const found = wanted === '' ? rows : rows.filter((row) => JSON.stringify(row).toLowerCase().includes(wanted));
  const sorted =
    order === undefined
      ? found
      : found.toSorted((one, other) => compare(one[order.column], other[order.column]) * (order.isDown ? -1 : 1));
  return (
    <div>
      <details class="columns">
        <summary>
          Columns ({columns.length} of {all.length})
        </summary>
        {all.map((column) => (
          <label key={column}>
            <input
              type="checkbox"
              checked={columns.includes(column)}
              onChange={() =>
                setColumns(columns.includes(column) ? columns.filter((one) => one !== column) : [...columns, column])
              }
            />
            {column}
          </label>
        ))}
      </details>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of the response">
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column}
                  scope="col"
                  aria-sort={order?.column !== column ? 'none' : order.isDown ? 'descending' : 'ascending'}
                >
                  <button
                    type="button"
                    onClick={() => setOrder({ column, isDown: order?.column === column && !order.isDown })}
                  >
                    {column} {order?.column === column ? (order.isDown ? '▾' : '▴') : ''}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, limit).map((row, index) => (
              <tr key={index}>
                {columns.map((column) => (
                  <td key={column}>{textOf(row[column])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sorted.length > limit && (
        <button type="button" class="more" onClick={() => setLimit(limit + rowsAtOnce)}>
          {sorted.length - limit} more rows
        </button>
      )}
    </div>
  );
}

function firstColumns(all: readonly string[]): string[] {
  const known = preferred.filter((name) => all.includes(name));
  return (known.length > 0 ? known : [...all]).slice(0, 8);
}

/** The text for an object within an object: its name. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if ('name' in value && typeof value.name === 'string') return value.name;
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return textOf(one).localeCompare(textOf(other), undefined, { numeric: true });
}

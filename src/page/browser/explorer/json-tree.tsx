import { useState } from 'preact/hooks';

/** How many members of an object or list are shown at first: a list of 3,000 machines must not freeze the page. */
const pageSize = 100;

/** A JSON value, folded and searchable. Everything is text: nothing of MAAS's becomes markup. */
export function JsonTree({ value, filter }: { readonly value: unknown; readonly filter: string }) {
  return (
    <div class="json" role="tree" aria-label="Response body">
      <Node name={undefined} value={value} filter={filter.toLowerCase()} depth={0} />
    </div>
  );
}

interface NodeProps {
  readonly name: string | undefined;
  readonly value: unknown;
  readonly filter: string;
  readonly depth: number;
}

function Node({ name, value, filter, depth }: NodeProps) {
  const [isOpen, setOpen] = useState(depth < 2);
  const [shown, setShown] = useState(pageSize);
  if (typeof value !== 'object' || value === null) {
    return (
      <div class="leaf" role="treeitem">
        <Name name={name} />
        <span class={`value ${value === null ? 'null' : typeof value}`}>{JSON.stringify(value)}</span>
      </div>
    );
  }
  const entries = Array.isArray(value)
    ? value.map((item, index) => [String(index), item] as const)
    : Object.entries(value);
  const matching = filter === '' ? entries : entries.filter(([key, item]) => contains(key, item, filter));
  const expanded = isOpen || filter !== '';
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return (
    <div role="treeitem" aria-expanded={expanded}>
      <button type="button" class="fold" onClick={() => setOpen(!isOpen)}>
        {expanded ? '▾' : '▸'} <Name name={name} />
        {open}
        {!expanded && ` ${entries.length} ${close}`}
      </button>
      {expanded && (
        <div class="members" role="group">
          {matching.slice(0, shown).map(([key, item]) => (
            <Node key={key} name={key} value={item} filter={filter} depth={depth + 1} />
          ))}
          {matching.length > shown && (
            <button type="button" class="more" onClick={() => setShown(shown + pageSize)}>
              {matching.length - shown} more
            </button>
          )}
        </div>
      )}
      {expanded && <div>{close}</div>}
    </div>
  );
}

function Name({ name }: { readonly name: string | undefined }) {
  return name === undefined ? null : <span class="name">{name}: </span>;
}

function contains(key: string, value: unknown, filter: string): boolean {
  if (key.toLowerCase().includes(filter)) return true;
  if (typeof value !== 'object' || value === null) return String(value).toLowerCase().includes(filter);
  return Object.entries(value).some(([name, item]) => contains(name, item, filter));
}

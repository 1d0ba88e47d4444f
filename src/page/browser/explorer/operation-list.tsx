import { useMemo, useState } from 'preact/hooks';
import { toHash } from './address.ts';
import type { Operation } from '../contract.ts';
import { search } from './search.ts';

interface Props {
  readonly operations: readonly Operation[];
  readonly unknown: readonly string[];
  readonly chosen: string | undefined;
}

/** All operations by resource, or those that a search finds. */
export function OperationList({ operations, unknown, chosen }: Props) {
  const [text, setText] = useState('');
  const found = useMemo(() => search(operations, text), [operations, text]);
  const groups = useMemo(() => groupBy(found), [found]);
  return (
    <nav class="operations" aria-label="Operations">
      <label for="search">Search {operations.length} operations</label>
      <input
        id="search"
        type="search"
        placeholder="power off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p role="status" class="count">
        {text === '' ? '' : found.length === 0 ? 'Nothing found; try one word less.' : `${found.length} found`}
      </p>
      {text.trim() === '' ? (
        [...groups].map(([resource, members]) => (
          <details key={resource} open={members.some(({ name }) => name === chosen)}>
            <summary>
              {resource} <span class="count">{members.length}</span>
            </summary>
            <Links operations={members} chosen={chosen} />
          </details>
        ))
      ) : (
        <Links operations={found.slice(0, 60)} chosen={chosen} />
      )}
      {unknown.length > 0 && (
        <details>
          <summary>
            Described by this MAAS, unknown here <span class="count">{unknown.length}</span>
          </summary>
          <ul>
            {unknown.map((name) => (
              <li key={name}>
                <code>{name}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </nav>
  );
}

function Links({
  operations,
  chosen,
}: {
  readonly operations: readonly Operation[];
  readonly chosen: string | undefined;
}) {
  return (
    <ul>
      {operations.map(({ name, summary, allowed, method }) => (
        <li key={name} class={allowed ? '' : 'refused'}>
          <a href={toHash(name, {})} aria-current={name === chosen ? 'page' : undefined}>
            <span class={`method ${method}`}>{method}</span> {summary === '' ? name : summary}
            <small>{name.slice(method.length + 1)}</small>
            {!allowed && <small> refused by your policy</small>}
          </a>
        </li>
      ))}
    </ul>
  );
}

function groupBy(operations: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const resource = operation.path.split('/')[0] ?? '';
    const members = groups.get(resource);
    if (members === undefined) groups.set(resource, [operation]);
    else members.push(operation);
  }
  return new Map([...groups].toSorted(([one], [other]) => one.localeCompare(other)));
}

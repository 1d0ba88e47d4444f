import { useMemo, useState } from 'preact/hooks';
import { JsonTree } from './json-tree.tsx';
import { rowsOf, Table } from './table.tsx';

/** A response as it came. */
export interface Received {
  readonly status: number;
  readonly statusText: string;
  /** ms */
  readonly took: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Blob;
  /** The body as text; `undefined` if it is not text. */
  readonly text: string | undefined;
}

/** Reads a response to its end. */
export async function receive(sent: Promise<Response>): Promise<Received> {
  const started = performance.now();
  const response = await sent;
  const body = await response.blob();
  const type = response.headers.get('content-type') ?? '';
  const isText = /^(?:text\/|application\/(?:json|problem\+json|yaml|xml))/i.test(type) || type === '';
  return {
    status: response.status,
    statusText: response.statusText,
    took: performance.now() - started,
    headers: [...response.headers],
    body,
    text: isText ? await body.text() : undefined,
  };
}

type View = 'table' | 'tree' | 'text';

/** Status, time, headers and body of a response. */
export function ResponseView({ received, name }: { readonly received: Received; readonly name: string }) {
  const value = useMemo(() => parse(received.text), [received]);
  const rows = useMemo(() => rowsOf(value), [value]);
  const [chosen, setChosen] = useState<View>();
  const [filter, setFilter] = useState('');
  const view = chosen ?? (rows !== undefined ? 'table' : value !== undefined ? 'tree' : 'text');
  const views: View[] = [
    ...(rows === undefined ? [] : ['table' as const]),
    ...(value === undefined ? [] : ['tree' as const]),
    'text',
  ];
  const note = noteOf(received.headers);
  return (
    <section class="response" aria-label="Response">
      <p class="status" role="status">
        <strong class={received.status < 400 ? 'good' : 'bad'}>
          {received.status} {received.statusText}
        </strong>{' '}
        {Math.round(received.took)} ms, {sizeOf(received.body.size)}
        {note === undefined ? '' : `, ${note}`}
      </p>
      <details>
        <summary>Headers ({received.headers.length})</summary>
        <dl class="headers">
          {received.headers.map(([header, text]) => [
            <dt key={header}>{header}</dt>,
            <dd key={`${header}=`}>{text}</dd>,
          ])}
        </dl>
      </details>
      <div class="bar">
        <div role="group" aria-label="View">
          {views.map((one) => (
            <button key={one} type="button" aria-pressed={one === view} onClick={() => setChosen(one)}>
              {one}
            </button>
          ))}
        </div>
        {view !== 'text' && (
          <label>
            Search <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
          </label>
        )}
        <button type="button" onClick={() => save(received, name)}>
          Save
        </button>
      </div>
      {view === 'table' && rows !== undefined && <Table rows={rows} filter={filter} />}
      {view === 'tree' && <JsonTree value={value} filter={filter} />}
      {view === 'text' && <Text received={received} />}
    </section>
  );
}

/** How much text is shown: a browser needs seconds for a page of 5 MB. */
const longestText = 200_000;

function Text({ received: { text, body } }: { readonly received: Received }) {
  if (text === undefined) return <p>{sizeOf(body.size)} that are no text; save them to a file.</p>;
  const isCut = text.length > longestText;
  return (
    <>
      <pre tabIndex={0}>{isCut ? text.slice(0, longestText) : text}</pre>
      {isCut && <p>Only the beginning is shown; Save has all of it.</p>}
    </>
  );
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function noteOf(headers: Received['headers']): string | undefined {
  const found = new Map(headers);
  const cache = found.get('cache-status') ?? '';
  if (cache.includes('collapsed')) return 'collapsed with an identical request';
  if (cache.includes('hit')) return `from the cache, ${found.get('age') ?? '0'} s old`;
  return found.has('proxy-status') ? 'from the proxy, not from MAAS' : undefined;
}

function sizeOf(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function save({ body }: Received, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(body);
  link.download = name.replaceAll(/[^\w.-]+/g, '-');
  link.click();
  URL.revokeObjectURL(link.href);
}
